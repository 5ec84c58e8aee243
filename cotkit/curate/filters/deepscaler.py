"""The last filter of DeepScaleR-Preview (agentica-project/rllm: deepscaler.ipynb, math_utils/utils.py)."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_BARRED = re.compile(r"\^\{|\^\(|\^[0-9]+\^|\^[0-9][0-9]+")
# What the grader's normal form takes out or turns into signs, in the order of these patterns.
_TAKEN_OUT = re.compile(
    r"\\(?:left|right|text|mbox|textbf|mathrm|[dt]?frac|sqrt|[ ,;!:%$])|\^\{?\\circ\}?"
    r"|\\(?:begin|end)\{[a-z]{1,12}\}|[{}]"
)
_UNIT = re.compile(
    r"(?:degree|cm|centimeter|meter|mile|second|minute|hour|day|week|month|year|foot|feet|inch|yard)(?:es)?s? *"
    r"(?:\^[0-9]+)?"
)
_COMMAND = re.compile(r"\\([A-Za-z]{1,20})")
# Commands whose sign is a letter (\alpha is α) and those that stay words; all others become signs that are none.
_GREEK = re.compile(
    r"(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega)",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp|max|min|gcd|lcm|deg")


class DeepScaler(Filter):
    """Drop answers that the sympy gate of DeepScaleR refuses (41,912 to 41,257 rows).

    As published: more than two different letters once `sqrt` and `frac` are taken out; `^{` or `^(`; stacked powers; an
    exponent of two or more digits. A missing answer goes, too. Whether the notebook brought answers into its grader's
    normal form first is unconfirmed, but its 655 rows (1.6 %) tell: as written 555 of 8,449
    AIME and MATH answers would go (6.6 %), in the normal form 112 (1.3 %). That form is ours, after the grader's rules.
    """

    name: Literal["deepscaler"] = "deepscaler"
    normal_form: bool = Field(
        True, description="Take units, layout and braces out of the answer first; false: look at it as it is written."
    )

    reason: ClassVar[str] = "deepscaler"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        answer = problem.answer or ""
        if not answer.strip():
            return {"rule": "no_answer"}
        looked_at = normal(answer) if self.normal_form else answer
        letters = {c for c in looked_at.replace("sqrt", "").replace("frac", "") if c.isalpha()}
        if len(letters) > 2:
            return {"rule": "letters", "letters": "".join(sorted(letters))[:60], "answer": answer[:200]}
        barred = _BARRED.search(looked_at)
        return None if barred is None else {"rule": "power", "span": barred.group()[:60], "answer": answer[:200]}


def normal(answer: str) -> str:
    """An answer without units and layout, in lower case, with one sign for each symbol."""
    plain = _UNIT.sub("", _TAKEN_OUT.sub("", answer.replace("}{", "/")))
    return _COMMAND.sub(_sign, plain).lower()


def _sign(command: re.Match[str]) -> str:
    name = command[1]
    return name[0] if _GREEK.fullmatch(name) else name if _WORD.fullmatch(name) else "#"
