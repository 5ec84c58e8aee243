"""Words as scorers count them: the same for every teacher's tokenizer."""

from __future__ import annotations

import re

# Chinese, Japanese and Korean characters are words of their own, everything else ends at white space.
_CJK = "぀-ヿ㐀-鿿가-힯"
_WORD = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")


def words(text: str) -> list[str]:
    """Words between white space; a Chinese, Japanese or Korean character is a word."""
    return _WORD.findall(text)


def count_words(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))
