"""Is this answer right? Correct, incorrect or undecided, never a guess, never a hang.

>>> from cotkit.verify import grade
>>> grade("... so the answer is \\\\boxed{\\\\frac{1}{2}}.", "0.5").verdict
'correct'
"""

from cotkit.verify.extract import Extraction, extract_answer
from cotkit.verify.grade import Grade, grade

__all__ = ["Extraction", "Grade", "extract_answer", "grade"]
