"""Word n-grams as arrays: the same as the plain definition, word by word."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.dedup.grams import documents_with, sieve, tokenize

PIECES = ["Find", "x", "42", "\\frac", "\\sin", "{", "}", "$", " ", "\n", "a", "ab", "é", "数学", "x2y", "\\left(", "İ"]
TEXTS = st.lists(
    st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text(max_size=20)), max_size=6
)
# Layout, wrappers and marks fall away; functions stay.
GONE = {"frac", "left"}


def plain(text: str) -> list[bytes]:
    raw = text.lower().encode("utf-8", "replace")
    runs = re.findall(rb"[a-z\x80-\xff]+|[0-9]+", raw)
    return [run for run in runs if (len(run) > 1 or run.isdigit()) and run.decode("utf-8", "replace") not in GONE]


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_tokens_are_runs_of_letters_or_digits_without_layout_and_single_letters(texts: list[str]) -> None:
    tokens = tokenize(texts)
    assert len(tokens.starts) == len(texts) + 1
    seen: dict[int, bytes] = {}
    for number, text in enumerate(texts):
        if set(re.findall(r"[a-z]+", text.lower())) - {w for p in PIECES for w in re.findall(r"[a-z]+", p.lower())}:
            continue  # a word by chance may be a command
        hashes = tokens.hashes[tokens.starts[number] : tokens.starts[number + 1]].tolist()
        for value, word in zip(hashes, plain(text), strict=True):
            assert seen.setdefault(value, word) == word
    assert len(set(seen.values())) == len(seen), "one word, one hash"


@pytest.mark.parametrize(
    "hostile", ["", "\0", "\ud800", "９８", "a\u0301" * 50, "\U0001f600" * 9, "1" * 100_000, "\\" * 99]
)
def test_hostile_text_leaves_its_neighbours_alone(hostile: str) -> None:
    alone, beside = tokenize(["find the sum 12"]), tokenize([hostile, "find the sum 12", hostile])
    assert beside.hashes[beside.starts[1] : beside.starts[2]].tolist() == alone.hashes.tolist()


WORDS = st.lists(st.sampled_from(["aa", "bb", "cc", "dd", "ee", "12"]), max_size=9)


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=5))
@settings(max_examples=100, deadline=None)
def test_the_sieve_lets_through_what_covers_half_of_an_item(items: list[list[str]], texts: list[list[str]]) -> None:
    n, share = 3, 0.5
    found = set(sieve(tokenize([" ".join(i) for i in items]), tokenize([" ".join(t) for t in texts]), n, share, 20))

    def grams(words: list[str]) -> Counter[tuple[str, ...]]:
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    for t, text in enumerate(texts):
        for i, item in enumerate(items):
            own, shared = grams(item), set(grams(item)) & set(grams(text))
            repeated = own.total() - len(own)
            long = bool(shared) and len(shared) + repeated + n - 1 >= share * len(item)
            assert ((t, i) in found) == (long or text == item)


@given(st.lists(WORDS, max_size=6), WORDS.filter(bool))
@settings(max_examples=100, deadline=None)
def test_documents_with_counts_texts_not_places(texts: list[list[str]], phrase: list[str]) -> None:
    n = len(phrase)
    holds = [any(text[i : i + n] == phrase for i in range(len(text) - n + 1)) for text in texts]
    joined = [" ".join(text) for text in texts]
    assert documents_with([" ".join(phrase), "only"], tokenize(joined), n)[0] == sum(holds)
