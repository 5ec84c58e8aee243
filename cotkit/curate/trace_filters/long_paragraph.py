"""Traces with paragraphs that nobody can read."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.prose import words_of
from cotkit.curate.trace_filters import TraceFilter, parts
from cotkit.records import Problem, Trace

_WORD = re.compile(r"[぀-ヿ㐀-鿿]{1,2}|[^\W_぀-ヿ㐀-鿿]+")


class LongParagraph(TraceFilter):
    """Drop a trace with more than `max_words` words between two line breaks: a filter of DeepSeek-R1.

    The limit is ours, since R1's paper gives none (arXiv 2501.12948, 2.3.3). Formulas and code do not count; two
    Chinese characters are a word. OpenThoughts3 found that removing long paragraphs made its set worse (mean of
    the benchmarks 41.9 to 38.0; arXiv 2506.04178): try it before you use it.
    """

    name: Literal["long_paragraph"] = "long_paragraph"
    max_words: int = Field(400, ge=1, description="Most words without a line break.")

    reason: ClassVar[str] = "long_paragraph"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        for part, text in parts(trace):
            for line in words_of(text).splitlines():
                words = sum(1 for _ in _WORD.finditer(line))
                if words > self.max_words:
                    return {"part": part, "words": words, "start": " ".join(line[:200].split())[:120]}
        return None
