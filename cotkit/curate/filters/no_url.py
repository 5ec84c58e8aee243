"""Problems that send the reader elsewhere."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from cotkit.curate.filters import Filter
from cotkit.records import Problem

_URL = re.compile(r"https?://|\bwww\.[a-z0-9-]{2,63}\.[a-z]|\\(?:url|href)\s{0,3}\{|\]\((?:/|\.\./)", re.IGNORECASE)


class NoUrl(Filter):
    r"""Drop problems with a web address, `\url`, `\href` or a Markdown link to a path."""

    name: Literal["no_url"] = "no_url"

    reason: ClassVar[str] = "url"

    def reject(self, problem: Problem) -> dict[str, Any] | None:
        match = _URL.search(problem.problem)
        return None if match is None else {"span": problem.problem[match.start() :][:80], "at": match.start()}
