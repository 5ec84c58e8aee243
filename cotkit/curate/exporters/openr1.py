"""Rows of OpenR1-Math: a problem, all attempts at it as lists, and the chosen one as chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cotkit import records
from cotkit.curate.exporters.shaped import FURTHER, OF_PROBLEM, Row, Shaped, asked
from cotkit.curate.exporters.together import Together
from cotkit.curate.wrappings import R1, Wrapping
from cotkit.pile import Pile, handfuls

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.exporters import Parts, Refusals

_IN_COMMON = (*OF_PROBLEM, "pass_rate", "attempts")
# What OpenR1 takes over from NuminaMath; pull with `keep: [problem_type, question_type]`.
_KEPT = ("problem_type", "question_type")
# What is shown of each attempt.
_OF_ATTEMPT = (
    *("problem_id", "solution", "status", "reasoning", "response", "sample", "teacher", "finish_reason"),
    *("verdict", "verdict_method", "strategy", "provenance"),
)
# Numbers of attempts take so many bits, those of problems the bits above.
_BITS = 36


class OpenR1(Together, Shaped):
    """The columns of OpenR1-Math-220k, with cotkit's verdicts instead of those of Math-Verify and Llama.

    Lists of one length: `generations` as the teacher wrote them, `samples`, `teachers`, `is_reasoning_complete`,
    `finish_reasons`, `verdicts`, `verdict_methods` (judge where a judge decided), `strategies` and `saw_reference`.
    `correctness_count` counts the correct ones, `messages` has the chosen one, `uuid` is the problem_id. Attempts
    without any text are not listed.
    (https://huggingface.co/datasets/open-r1/OpenR1-Math-220k)
    """

    kind: Literal["openr1"] = "openr1"

    row: ClassVar[str] = "a problem and all attempts of a teacher model at it"
    held: ClassVar[frozenset[str]] = frozenset(
        {*(name for name in FURTHER if name not in _IN_COMMON), "problem", "answer", "source"}
    )
    every_attempt: ClassVar[bool] = True

    def wrapping(self) -> Wrapping:
        return R1

    def sieved(self, parts: Parts) -> Iterator[tuple[pl.DataFrame, Refusals]]:
        first: dict[str, int] = {}
        start = 0
        for examples in parts():
            found = dict(Shaped.refused(self, examples))
            for number, identity in enumerate(examples["problem_id"]):
                if number not in found and first.setdefault(identity, start + number) != start + number:
                    found[number] = ("same_problem", {"row": first[identity]})
            start += examples.height
            yield examples, found

    def export_in(self, parts: Parts, attempts: Parts, aside: Path) -> Iterator[pl.DataFrame]:
        import polars as pl

        types = records.schema(records.Example)
        further = self.further()
        schema = {**self.own(), **{name: types[name] for name in further}}
        places = {name: n for n, name in enumerate(name for part in parts() for name in part["problem_id"])}
        mine = pl.col("problem_id").is_in(pl.Series(list(places), dtype=pl.String).implode())
        texts = pl.any_horizontal(pl.col("reasoning", "response").fill_null("") != "")
        # Attempts at one problem may lie anywhere among those at others.
        count = 0
        with Pile(aside) as pile:
            for table in attempts():
                for attempt in table.filter(mine & texts).select(_OF_ATTEMPT).iter_rows(named=True):
                    pile.put((places[attempt["problem_id"]] << _BITS) + count, attempt)
                    count += 1

            def rows() -> Iterator[Row]:
                for number, row in enumerate(row for part in parts() for row in part.iter_rows(named=True)):
                    own = [attempt for _, attempt in pile.items(number << _BITS, (number + 1) << _BITS)]
                    yield self._row(row, own, further)

            yield pl.DataFrame(schema=schema)
            for some in handfuls(rows(), lambda row: sum(map(len, row["generations"]))):
                yield pl.DataFrame(some, schema=schema)

    def _row(self, row: Row, attempts: list[Row], further: list[str]) -> dict[str, Any]:
        kept = json.loads(row["metadata"])
        turns = (("user", asked(row)), ("assistant", R1.join(row["reasoning"], row["response"])))
        return {
            "problem": row["problem"],
            "solution": next((a["solution"] for a in attempts), None),
            "answer": row["answer"],
            **{name: None if kept.get(name) is None else str(kept[name]) for name in _KEPT},
            "source": row["source"],
            "uuid": row["problem_id"],
            "is_reasoning_complete": [a["status"] == "done" for a in attempts],
            "generations": [_text(a) for a in attempts],
            "samples": [a["sample"] for a in attempts],
            "teachers": [a["teacher"] for a in attempts],
            "finish_reasons": [a["finish_reason"] for a in attempts],
            "verdicts": [a["verdict"] for a in attempts],
            "verdict_methods": [a["verdict_method"] for a in attempts],
            "strategies": [a["strategy"] for a in attempts],
            "saw_reference": [records.provenance_of(a["provenance"]).get("saw_reference") is True for a in attempts],
            "correctness_count": sum(a["verdict"] == "correct" for a in attempts),
            "messages": [{"role": role, "content": content} for role, content in turns],
            **{name: row[name] for name in further},
        }

    def own(self) -> dict[str, Any]:
        import polars as pl

        texts, lists = pl.String(), pl.List(pl.String())
        return {
            **dict.fromkeys(("problem", "solution", "answer", *_KEPT, "source", "uuid"), texts),
            "is_reasoning_complete": pl.List(pl.Boolean()),
            "generations": lists,
            "samples": pl.List(pl.Int64()),
            **dict.fromkeys(("teachers", "finish_reasons", "verdicts", "verdict_methods"), lists),
            "strategies": lists,
            "saw_reference": pl.List(pl.Boolean()),
            "correctness_count": pl.Int64(),
            "messages": records.schema(records.Example)["messages"],
        }

    def describe(self) -> str:
        return (
            "The columns are those of OpenR1-Math: `generations` holds all attempts with the reasoning in `<think>` "
            "tags, the other lists what is known of each, `messages` the chosen one."
        )


def _text(attempt: Row) -> str:
    """What the teacher wrote; reasoning that never ended stays open."""
    if attempt["status"] == "unclosed" or not attempt["response"]:
        return f"{R1.opening}{attempt['reasoning'] or attempt['response']}"
    return R1.join(attempt["reasoning"], attempt["response"])
