"""A step that asks a teacher holds some answers at a time, however many there are, and gives them in their order."""

from __future__ import annotations

import gc
import json
import random
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from construct_parts import construct
from distill_parts import step
from hypothesis import given
from hypothesis import strategies as st

from cotkit.distill.construct import Construct
from cotkit.distill.journal import Entry, Journal, read_journal
from cotkit.distill.recording import export_journal, gather, load_recording
from cotkit.distill.request import build
from cotkit.distill.step import Distill
from cotkit.distill.strategies import Attempt, Call, Case, Play, Played, Strategy
from cotkit.errors import StorageError
from cotkit.pile import Pile
from cotkit.records import Problem, Trace, Verdict, frame, problem_id
from cotkit.steps import Step, StepContext, joined
from cotkit.table import Held, Table, held

URL = "http://127.0.0.1:9/v1"
CHARACTERS = 18_000


def problems(count: int) -> pl.DataFrame:
    texts = [f"What is {n} + 0?" for n in range(count)]
    return frame(Problem, [Problem(problem_id(t), t, str(n), source="test", source_row=n) for n, t in enumerate(texts)])


def body(number: int, characters: int) -> bytes:
    said = f"{number}: " + "so it goes on " * (characters // 14)
    message = {"role": "assistant", "reasoning_content": said, "content": f"\\boxed{{{number}}}"}
    usage = {"prompt_tokens": 3, "completion_tokens": number}
    return json.dumps({"choices": [{"finish_reason": "stop", "message": message}], "usage": usage}).encode()


def answered(
    one: Distill | Construct, table: pl.DataFrame, journal: Path, samples: int = 1, characters: int = CHARACTERS
) -> None:
    """A journal that holds the answers to all that the step asks, in another order than it asks."""
    asked = [
        build(one.teacher, one.sampling, one.prompt.about(text, None, "math", None), sample, 0)
        for text in table["problem"]
        for sample in range(samples)
    ]
    entries = [
        Entry(request.hash, request.text, body(n, characters), 200, 0.1, "2026-01-01T00:00:00+00:00", "1", "{}")
        for n, request in enumerate(asked)
    ]
    random.Random(1).shuffle(entries)
    with Journal.open(journal) as opened:
        opened.put_all(entries)


def peak(one: Step, tables: Mapping[type, Table], folder: Path) -> tuple[int, list[int]]:
    """Most bytes of Python's own while the step runs, and the rows that each part kept.

    No garbage is collected meanwhile: when it would be, and so what lies about, is another thing each time.
    """
    kept = []
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for part in one.parts(tables, StepContext(seed=0, work=folder / "work", run=folder)):
            kept.append(part.kept.height)
            assert part.kept.select(pl.col("reasoning").str.len_chars().sum()).item() < 20_000_000
        return tracemalloc.get_traced_memory()[1], kept
    finally:
        tracemalloc.stop()
        gc.enable()


class Plain(Strategy):
    """The first answer as it is."""

    by: Literal["plain"] = "plain"

    def play(self, case: Case) -> Play:
        (reply,) = yield [Call(case.messages())]
        tree = {"of": case.problem.problem_id}
        return Played([Attempt(reply.reasoning, reply.response, [reply], label=f"odd_{len(reply.text) % 2}")], tree)


def plain(**more: Any) -> Construct:
    return construct(URL, {"by": "star"}, **more).model_copy(update={"strategy": Plain()})


@pytest.mark.parametrize("kind", ["distill", "construct"])
def test_three_times_the_answers_take_no_more_memory(tmp_path: Path, kind: str) -> None:
    # Within a budget only some problems are open at a time, without one some thousand.
    few = {"budget": {"tokens": 10**9}, "limits": {"concurrency": 64}}
    one = step(URL) if kind == "distill" else plain(**few)
    peaks = []
    for count, parts in ((550, 1), (1_650, 2)):
        folder = tmp_path / str(count)
        (folder / "work").mkdir(parents=True)
        answered(one, problems(count), folder / "journal.sqlite")
        most, kept = peak(one, held({Problem: problems(count)}), folder)
        peaks.append(most)
        assert (len(kept), sum(kept)) == (parts, count)
        assert list((folder / "work").iterdir()) == []
    assert peaks[1] - peaks[0] < 0.2 * CHARACTERS * 1_100, peaks


@dataclass(frozen=True)
class Few(Held):
    """A table in batches of 400 rows."""

    def batches(self) -> Iterator[pl.DataFrame]:
        yield from self.rows.iter_slices(400)


def test_a_later_round_goes_through_its_attempts_in_parts(tmp_path: Path) -> None:
    table, count = problems(1_100), 1_100
    first, later = step(URL), step(URL, only="unsolved", samples=2)
    answered(later, table, tmp_path / "journal.sqlite", samples=2, characters=20)
    context = StepContext(seed=0, work=tmp_path / "work", run=tmp_path)
    pool = first.run({Problem: table}, context).kept
    # Every tenth problem is solved.
    told = ((name, "incorrect" if n % 10 else "correct") for n, name in enumerate(pool["problem_id"]))
    verdicts = frame(Verdict, [Verdict(name, 0, verdict, None, None, "number", "") for name, verdict in told])
    given = {Problem: table, Trace: pool, Verdict: verdicts}
    whole = later.run(given, context)
    few = joined(list(later.parts({row: Few(rows) for row, rows in given.items()}, context)))
    assert few.kept.equals(whole.kept)
    assert few.dropped.equals(whole.dropped)
    assert few.counters == whole.counters
    asked = table["problem_id"].gather([n for n in range(count) if n % 10])
    assert whole.kept["problem_id"].to_list() == [*table["problem_id"], *asked]
    assert whole.kept["sample"].to_list() == [0] * count + [2] * len(asked)
    # The first sample is the same request as in the first round.
    assert whole.dropped["problem_id"].equals(asked)
    assert set(whole.dropped["reason"]) == {"duplicate"}
    assert (whole.counters["asked"], whole.counters["added"]) == (len(asked), len(asked))


@given(st.lists(st.tuples(st.integers(0, 2**62), st.text() | st.floats(allow_nan=False) | st.none())))
def test_what_was_laid_aside_comes_back_by_number(tmp_path_factory: pytest.TempPathFactory, laid: list[Any]) -> None:
    path = tmp_path_factory.mktemp("pile") / "x.pile"
    with Pile(path) as pile:
        for number, value in laid:
            pile.put(number, value)
        assert list(pile.items()) == sorted(dict(laid).items())
        assert all(pile.get(number) == value for number, value in dict(laid).items())
        assert pile.get(-1) is None
    assert not path.exists()


def test_a_pile_keeps_half_characters_and_says_where_it_cannot_be(tmp_path: Path) -> None:
    with Pile(tmp_path / "new" / "x.pile") as pile:
        pile.put(0, ["\ud800", {"a": 10**30}])
        assert pile.get(0) == ["\ud800", {"a": 10**30}]
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/x\.pile: cannot be written"):
        Pile(tmp_path / "file" / "x.pile")


def test_a_recording_is_not_held(tmp_path: Path) -> None:
    one, table = step(URL), problems(300)
    answered(one, table, tmp_path / "journal.sqlite")
    export_journal(tmp_path / "journal.sqlite", tmp_path / "r.gz", provenance={})
    tracemalloc.start()
    try:
        gather([tmp_path / "r.gz", tmp_path / "journal.sqlite"], tmp_path / "both.gz")
        entries = load_recording(tmp_path / "both.gz").entries
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 0.2 * 300 * CHARACTERS
    assert (tmp_path / "both.gz").read_bytes() == (tmp_path / "r.gz").read_bytes()
    assert list(entries.values()) == list(read_journal(tmp_path / "journal.sqlite"))
    assert "another" not in entries
