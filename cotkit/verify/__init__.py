"""Is this answer right? Correct, incorrect or undecided, never a guess, never a hang.

>>> from cotkit.verify import grade
>>> grade("0.5", "... so the answer is \\\\boxed{\\\\frac{1}{2}}.").value
'correct'
"""

from cotkit.verify.boxed import Extraction
from cotkit.verify.extract import extract_answer
from cotkit.verify.gradable import gradable
from cotkit.verify.grade import Verdict, grade
from cotkit.verify.many import Pair, grade_many
from cotkit.verify.policy import Policy

__all__ = ["Extraction", "Pair", "Policy", "Verdict", "extract_answer", "gradable", "grade", "grade_many"]
