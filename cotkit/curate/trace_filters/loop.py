"""Traces that say the same over and over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.trace_filters import TraceFilter, parts
from cotkit.records import Problem, Trace

# A word, a Chinese, Japanese or Korean character, a LaTeX command, or any other sign.
_TOKEN = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_぀-ヿ㐀-鿿가-힯]{1,64}|\\[A-Za-z]{1,30}|[^\w\s]|_")
_WORDY = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W\d_]{2,}")
_UNIT = re.compile(r"[^\n.!?。！？]+")
_DIGITS = re.compile(r"\d+")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_LETTER = re.compile(r"[^\W\d_]")
_TAIL = 6_000
_PRIME = (1 << 61) - 1
_BASE = 1_000_003


class Loop(TraceFilter):
    """Drop a trace that ends in a loop, or that mostly repeats itself.

    Three signs, each enough:
    - tail: its last tokens are one phrase, `tail_repeats` times and `tail_tokens` tokens or more;
    - repeated: over `max_repeated` of its n-grams of `ngram` tokens came before and hold words (Yeo et al. 2025,
      arXiv 2502.03373, punish 1 - unique / all in training with n = 40; the bound is ours);
    - counting: sentences of 30 letters or more that differ in their numbers only make up more than `max_repeated`
      of the text and come at least `counting_repeats` times. Enumerations of cases have few words, or end.
    """

    name: Literal["loop"] = "loop"
    ngram: int = Field(16, ge=2, le=200, description="Tokens of an n-gram; a Chinese character is a token.")
    max_repeated: float = Field(0.5, gt=0, le=1, description="Share of repeated n-grams that may be.")
    tail_repeats: int = Field(6, ge=2, description="So many times the phrase at the end makes a loop.")
    tail_tokens: int = Field(60, ge=2, description="So many tokens of it at least.")
    counting_repeats: int = Field(24, ge=2, description="So many sentences that differ in numbers only make a loop.")

    reason: ClassVar[str] = "loop"

    def reject(self, trace: Trace, problem: Problem) -> dict[str, Any] | None:
        for part, text in parts(trace):
            found = self._sign(text)
            if found is not None:
                return {"part": part, **found}
        return None

    def _sign(self, text: str) -> dict[str, Any] | None:
        tokens = _TOKEN.findall(text)
        period, times = tail_loop(tokens[-_TAIL:], self.tail_repeats, self.tail_tokens)
        if period:
            return {"sign": "tail", "phrase": "".join(_spaced(tokens[-period:]))[:200], "times": times}
        share = repeated(tokens, self.ngram)
        if share > self.max_repeated:
            return {"sign": "repeated", "share": round(share, 3)}
        unit, times, share = counting(text)
        if times >= self.counting_repeats and share > self.max_repeated:
            return {"sign": "counting", "sentence": unit[:200], "times": times, "share": round(share, 3)}
        return None


def tail_loop(tokens: Sequence[str], repeats: int, least: int) -> tuple[int, int]:
    """(period, times) of the longest tail that is one phrase repeated; (0, 0) where there is none.

    The failure function of Knuth, Morris and Pratt on the reversed tokens: a prefix of length k that has period p has
    failure value k - p. What stands behind the last loop is none of it, so the text may end in half a phrase.
    """
    turned = list(reversed(tokens))
    fail = [0] * len(turned)
    best = (0, 0)
    for k in range(1, len(turned)):
        j = fail[k - 1]
        while j and turned[k] != turned[j]:
            j = fail[j - 1]
        fail[k] = j + 1 if turned[k] == turned[j] else 0
        period = k + 1 - fail[k]
        if k + 1 >= least and (k + 1) // period >= repeats:
            best = (period, (k + 1) // period)
    return best if any(map(_WORDY.fullmatch, turned[: best[0]])) else (0, 0)


def repeated(tokens: Sequence[str], n: int) -> float:
    """Share of n-grams that came before and hold words: a sum of many ones is no loop. 0 for fewer than 2 n tokens."""
    if len(tokens) < 2 * n:
        return 0.0
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(token, len(numbers) + 1) for token in tokens]
    wordy = [0] + [_WORDY.fullmatch(token) is not None for token in numbers]
    high = pow(_BASE, n - 1, _PRIME)
    rolling = words = again = 0
    seen = set()
    for place, number in enumerate(ids):
        if place >= n:
            rolling = (rolling - ids[place - n] * high) % _PRIME
            words -= wordy[ids[place - n]]
        rolling = (rolling * _BASE + number) % _PRIME
        words += wordy[number]
        if place >= n - 1:
            again += rolling in seen and 4 * words >= n
            seen.add(rolling)
    return again / (len(tokens) - n + 1)


def counting(text: str) -> tuple[str, int, float]:
    """(sentence, times, share of the text's letters) of the most frequent sentence with its numbers masked."""
    found: Counter[str] = Counter()
    letters = 0
    for match in _UNIT.finditer(text):
        plain = _COMMAND.sub("", match[0])
        size = len(_LETTER.findall(plain))
        letters += size
        if size >= 30:
            found[_DIGITS.sub("0", " ".join(plain.split())).lower()] += 1
    if not found:
        return "", 0, 0.0
    unit, times = min(found.items(), key=lambda item: (-item[1], item[0]))
    return unit, times, times * len(_LETTER.findall(unit)) / max(letters, 1)


def _spaced(tokens: Sequence[str]) -> list[str]:
    return [f"{token} " if token.isascii() else token for token in tokens]
