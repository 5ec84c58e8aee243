"""The last filter of DeepScaleR-Preview (agentica-project/rllm: deepscaler.ipynb, math_utils/utils.py)."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_BARRED = re.compile(r"\^\{|\^\(|\^[0-9]+\^|\^[0-9][0-9]+")


class DeepScaler(Filter):
    """Drop answers that the sympy gate of DeepScaleR refuses (41,912 to 41,257 rows).

    As published: more than two different letters once `sqrt` and `frac` are taken out (`\\sin x` goes, `\\pi` stays,
    "north" goes); `^{` or `^(`; stacked powers; an exponent of two or more digits. The answer is looked at as it is
    written; whether the notebook normalised it first is unconfirmed. A missing answer goes, too.
    """

    name: Literal["deepscaler"] = "deepscaler"

    reason: ClassVar[str] = "deepscaler"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        answer = problem.answer or ""
        if not answer.strip():
            return {"rule": "no_answer"}
        letters = {c for c in answer.replace("sqrt", "").replace("frac", "") if c.isalpha()}
        if len(letters) > 2:
            return {"rule": "letters", "letters": "".join(sorted(letters))[:60], "answer": answer[:200]}
        barred = _BARRED.search(answer)
        return None if barred is None else {"rule": "power", "span": barred.group()[:60], "answer": answer[:200]}
