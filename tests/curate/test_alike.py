"""Sentences of a corpus that are like ours: exact similarities, both languages, places in the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cotkit.cli.app import app
from cotkit.curate.alike import QUERIES, Finder, alike_table, shingles
from cotkit.verify.scorers.phrases import KINDS, LANGUAGES

WORDS = (
    "let me",
    "check",
    "this",
    "result",
    "again",
    "wait",
    "that is",
    "not right",
    "我",
    "们",
    "再",
    "算",
    "一",
    "遍",
)
ALL = [(kind, lang, query) for kind in KINDS for lang in LANGUAGES for query in QUERIES[kind][lang]]


def test_the_list_is_of_the_size_that_the_paper_names_and_none_is_twice() -> None:
    assert 55 <= len(ALL) <= 65
    assert len({shingles(query) for _, _, query in ALL}) == len(ALL)
    assert min(len(shingles(query)) for _, _, query in ALL) >= 3
    assert all(any("一" <= c <= "鿿" for c in query) == (lang == "zh") for _, lang, query in ALL)


@pytest.mark.parametrize(
    ("sentence", "similarity"),
    [
        ("LET me try a different approach, to this problem!", 1.0),
        # Nine words are seven runs of three on both sides, and six of them are the same.
        ("So let me try a different approach to this.", 6 / 8),
        ("Let me try something.", None),
        ("Two words", None),
        ("", None),
        ("让我们试试别的思路吧", 7 / 8),
    ],
)
def test_similarities_by_hand(sentence: str, similarity: float | None) -> None:
    found = Finder().nearest(sentence)
    assert (found and found[0]) == (None if similarity is None else pytest.approx(similarity))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "let",
                "me",
                "check",
                "this",
                "result",
                "again",
                "wait",
                "that",
                "is",
                "not",
                "right",
                "我",
                "们",
                "再",
                "算",
                "一",
                "遍",
            ]
        ),
        max_size=14,
    )
)
def test_the_index_finds_what_brute_force_finds(words: list[str]) -> None:
    sentence = " ".join(words)
    theirs = shingles(sentence)
    every = [len(theirs & shingles(q)) / len(theirs | shingles(q)) for _, _, q in ALL]
    found = Finder(least=0.01).nearest(sentence)
    assert (found or (0.0,))[0] == pytest.approx(max(every))


def test_places_are_those_of_the_text_and_code_is_no_sentence() -> None:
    text = "We add.\nHold on, I think I have misread the problem. Then 3.5 is it.\n```\nLet me start over and read\n```"
    (found,) = Finder().find(["nothing here", text])
    assert (found.text, text[found.start : found.end]) == (1, "Hold on, I think I have misread the problem.")
    assert (found.kind, found.language, found.similarity) == ("backtrack", "en", 1.0)
    told = alike_table([text, "等等，这里好像有问题。", text], most=2)
    assert [one["text"] for one in told["nearest"]] == [0, 1]
    counts = {(row["kind"], row["language"]): row["sentences"] for row in told["counts"] if row["sentences"]}
    assert counts == {("backtrack", "en"): 2, ("backtrack", "zh"): 1}


def test_a_corpus_is_searched_from_the_command_line(tmp_path: Path, jsonl: Any) -> None:
    rows = [{"text": "We know it."}, {"text": "Let me try a different approach to this problem. Fine."}]
    path = str(jsonl("corpus.jsonl", rows))
    options = ["report", path, "--patterns", "--sentences", "5", "--column", "response=text"]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    assert "1.00  alternative  en        row 1: Let me try a different approach to this problem." in done.stdout
    told = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert [one["text"] for one in told["alike"]["nearest"]] == [1]
    assert "goes with --patterns" in str(CliRunner().invoke(app, ["report", path, "--sentences", "5"]).exception)
