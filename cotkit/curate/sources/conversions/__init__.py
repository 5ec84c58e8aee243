"""Rows of known sets that a column map cannot express. Each function is pure: a row in, its new columns out.

A column that is made is called as in cotkit.source.Columns (problem, answer, solution, choices, tests …).
KeyError, TypeError and ValueError say that the row has not the known form.
"""

from __future__ import annotations

from collections.abc import Mapping

from cotkit.curate.sources.conversions.chats import chat_prompt, conversation, still_2
from cotkit.curate.sources.conversions.exams import (
    agieval,
    gpqa,
    jee_bench,
    olympic_arena,
    riddle_sense,
    sci_eval,
    theorem_qa,
    xword,
)
from cotkit.curate.sources.conversions.mathematics import (
    accepted,
    math_level,
    numina,
    olympiad_bench,
    open_thoughts,
    s1k,
    topics,
    without_trace,
)
from cotkit.curate.sources.conversions.pickled_tests import live_code_bench
from cotkit.curate.sources.conversions.programs import apps, code_contests, codeforces, codeforces_python, leetcode
from cotkit.curate.sources.conversions.shape import Conversion

CONVERSIONS: Mapping[str, Conversion] = {
    f.__name__: f
    for f in (
        math_level,
        numina,
        accepted,
        olympiad_bench,
        olympic_arena,
        agieval,
        theorem_qa,
        jee_bench,
        gpqa,
        riddle_sense,
        sci_eval,
        xword,
        chat_prompt,
        conversation,
        still_2,
        without_trace,
        s1k,
        open_thoughts,
        topics,
        apps,
        code_contests,
        codeforces,
        codeforces_python,
        leetcode,
        live_code_bench,
    )
}
