"""Wrong attempts to publish, and rows that are too long for the model to be trained."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from cotkit import records
from cotkit.curate.publish import Publish
from cotkit.curate.select import Attempt, Select, select
from cotkit.curate.tables import all_traces, negatives, unverified
from cotkit.records import Problem, Trace, Verdict
from cotkit.verify import grade

# (status, response, verdict, extracted, method)
ATTEMPTS = [
    ("done", "It is 4.", "correct", "4", "exact"),
    ("done", "It is 5.", "incorrect", "5", "typed"),
    ("done", "It is five or so.", "incorrect", "five or so", "judge"),
    ("done", "Who knows.", "undecided", None, "none"),
    ("length", "It is 7", "undecided", None, "none"),
    ("length", "It is 8", "incorrect", "8", "typed"),
    ("done", "It is 6.", "incorrect", "6", "typed"),
]


def tables() -> dict[type, pl.DataFrame]:
    problem = Problem("p", "What is 2 + 2?", "4", source="sums")
    traces = [Trace("p", n, "t", "h", status, None, response) for n, (status, response, *_) in enumerate(ATTEMPTS)]
    verdicts = [Verdict("p", n, v, e, "4", m, "") for n, (_, _, v, e, m) in enumerate(ATTEMPTS)]
    return {
        Problem: records.frame(Problem, [problem]),
        Trace: records.frame(Trace, traces),
        Verdict: records.frame(Verdict, verdicts),
    }


def test_only_what_is_finished_and_provably_wrong_is_called_negative() -> None:
    found = tables()
    every = all_traces(found, found[Trace].head(0))
    wrong = negatives(every)
    assert wrong["sample"].to_list() == [1, 6]
    assert wrong.columns == every.columns
    for answer, response in wrong.select("answer", "response").rows():
        assert grade(answer, response).value == "incorrect"


def test_unverified_is_what_is_finished_whatever_was_found_of_it() -> None:
    found = tables()
    table = unverified(all_traces(found, found[Trace].head(0)))
    assert table["sample"].to_list() == [0, 1, 2, 3, 6]
    assert table["verdict"].to_list() == ["correct", "incorrect", "incorrect", "undecided", "incorrect"]
    assert Trace in Publish(name="p", configs=("unverified",)).reads


def test_negatives_need_the_attempts_and_do_not_go_with_problems_alone() -> None:
    assert Trace in Publish(name="p", configs=("negatives",)).reads
    alone = Publish.model_validate({"problems": True, "format": {"kind": "verl"}, "configs": ["negatives"]})
    assert "take negatives out" in alone.check()[0]


def attempt(sample: int, words: int) -> Attempt:
    problem = Problem("p", "What is 2 + 2?", "4")
    trace = Trace("p", sample, "t", "h", "done", "so " * words, "4")
    return Attempt(problem, trace, Verdict("p", sample, "correct", "4", "4", "exact", ""))


def test_too_long_attempts_are_dropped_before_the_best_is_chosen(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    keys = {"step": "select", "tokenizer": str(path), "choose": {"by": "longest"}}
    attempts = [attempt(0, 10), attempt(1, 4), attempt(2, 9)]
    found = select(attempts, Select.model_validate({**keys, "max_tokens": 10}))
    assert found.kept["sample"].to_list() == [2]
    assert found.dropped.select("sample", "reason").rows() == [(0, "too_long"), (1, "not_chosen")]
    assert select(attempts, Select.model_validate(keys)).kept["sample"].to_list() == [0]
    with pytest.raises(ValidationError, match="needs a `tokenizer`"):
        Select.model_validate({"step": "select", "max_tokens": 10})
