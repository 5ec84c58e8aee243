"""How a row was made is in the dataset: strategy, provenance and whether the teacher was shown the reference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from published_rows import example, publish

from cotkit import records
from cotkit.curate.importers import find_format
from cotkit.curate.importing import Defaults, import_rows
from cotkit.curate.select import Attempt, Select, select
from cotkit.curate.spans import cut_spans
from cotkit.curate.tables import all_traces
from cotkit.curate.trim import trimmed
from cotkit.records import Example, Problem, Trace, Verdict, published_provenance
from cotkit.source import RawRow

TEXT = "First 5.\n\nThat is wrong.\n\nIt is 14."
JOURNEY = {"base_url": "http://10.0.0.7/v1", "calls": 4, "form": "journey", "wrong_spans": [[0, 8]]}
JOURNEY |= {"correction_spans": [[10, 24]], "wrong_nodes": [[2]], "final": [26, 35], "picked": True}
HINTED = {"base_url": "http://10.0.0.7/v1", "rationalized": True, "saw_reference": True}
PLAIN = {"base_url": "http://10.0.0.7/v1", "answered_at": "2026-01-01", "cotkit": "0.1", "server": "loopback"}


def attempt(name: str, strategy: str, facts: dict[str, Any], reasoning: str | None = TEXT) -> Attempt:
    kind = "none" if reasoning is None else "synthetic"
    trace = Trace(name, 0, "m", "h", "done", reasoning=reasoning, response="\\boxed{14}", reasoning_kind=kind)
    trace = replace(trace, strategy=strategy, provenance=json.dumps(facts))
    return Attempt(Problem(name, f"Problem {name}", answer="14"), trace, Verdict(name, 0, "correct", "", "", "", ""))


ATTEMPTS = [
    attempt("a", "journey", JOURNEY),
    attempt("b", "star", HINTED, None),
    attempt("c", "plain", PLAIN),
    attempt("d", "plain", {**PLAIN, "round": 2}),
]


def test_rows_say_how_they_were_made_and_nothing_of_this_machine() -> None:
    rows = select(ATTEMPTS, Select()).kept
    assert rows["strategy"].to_list() == ["journey", "star", "plain", "plain"]
    assert rows["saw_reference"].to_list() == [False, True, False, False]
    facts = [json.loads(text) for text in rows["provenance"]]
    (wrong,), (correction,) = facts[0]["wrong_spans"], facts[0]["correction_spans"]
    assert rows["reasoning"][0][slice(*wrong)] == "First 5."
    assert rows["reasoning"][0][slice(*correction)] == "That is wrong."
    assert facts[1] == {"rationalized": True, "saw_reference": True}
    assert facts[2:] == [{}, {"round": 2}]
    tables = {
        Trace: records.frame(Trace, [a.trace for a in ATTEMPTS]),
        Problem: records.frame(Problem, [a.problem for a in ATTEMPTS]),
        Verdict: records.frame(Verdict, [a.verdict for a in ATTEMPTS]),
    }
    attempts = all_traces(tables, rows)
    assert attempts["strategy"].to_list() == rows["strategy"].to_list()
    assert attempts["provenance"].to_list() == rows["provenance"].to_list()


def test_the_card_counts_what_was_put_together_and_what_was_hinted(tmp_path: Path) -> None:
    hinted = {"strategy": "star", "saw_reference": True, "reasoning_kind": "synthetic"}
    rows = [example(0), example(1, **hinted), example(2, strategy="journey", reasoning_kind="synthetic")]
    folder = publish(tmp_path, records.frame(Example, rows))
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "| made by (strategy) | rows |" in card
    assert "- 2 of 3 rows hold reasoning that is not one answer of the teacher as it came" in card
    assert "- 1 of 3 rows were written by a teacher that was shown the reference answer" in card
    plain = publish(tmp_path / "plain", records.frame(Example, [example(0)]))
    assert "made by" not in (plain / "README.md").read_text(encoding="utf-8")


def test_a_published_row_is_read_back_with_how_it_was_made() -> None:
    row = select(ATTEMPTS[:2], Select()).kept.to_dicts()
    ids = [records.problem_id(one["problem"]) for one in row]
    ours = [RawRow(n, "", {**one, "problem_id": name}) for n, (one, name) in enumerate(zip(row, ids, strict=True))]
    found = import_rows(ours, find_format("messages", ())[1], Defaults("set")).traces
    assert found["strategy"].to_list() == ["journey", "star"]
    assert json.loads(found["provenance"][0])["final"] == [26, 35]
    assert json.loads(found["provenance"][1])["saw_reference"] is True
    foreign = [RawRow(0, "", {**row[0], "problem_id": "x", "strategy": "greedy"})]
    strange = import_rows(foreign, find_format("messages", ())[1], Defaults("set"))
    assert strange.traces["strategy"].to_list() == ["imported"]
    assert json.loads(strange.problems["metadata"][0])["strategy"] == "greedy"


def test_trimming_takes_offsets_with_it() -> None:
    cut = trimmed(ATTEMPTS[0].trace, 20, "", "first-correct")
    told = json.loads(cut.provenance)
    assert (told["wrong_spans"], told["correction_spans"], told["wrong_nodes"]) == ([[0, 8]], [[10, 20]], [[2]])
    assert "final" not in told
    assert cut_spans(JOURNEY, 0) == {
        **{k: v for k, v in JOURNEY.items() if k != "final"},
        **{key: [] for key in ("wrong_spans", "correction_spans", "wrong_nodes")},
    }


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted), max_size=5), st.integers(0, 60))
def test_no_offset_points_behind_the_text(spans: list[list[int]], end: int) -> None:
    spans = sorted(spans)
    found = cut_spans({"inserted": spans, "final": [3, 9], "wrong_spans": "no list", "shared_prefix": 40}, end)
    assert all(b <= end for _, b in found["inserted"])
    assert found["shared_prefix"] <= end
    assert ("final" in found) == (end >= 9)
    assert cut_spans({"inserted": spans}, 60) == {"inserted": spans}


def test_provenance_with_half_a_character_can_be_written() -> None:
    text = published_provenance('{"a": "\\ud800"}')
    assert pl.Series([text]).to_list() == ['{"a":"\\ud800"}']
