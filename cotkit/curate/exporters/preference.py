"""Pairs of attempts of which one is better, for preference training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.curate.exporters.shaped import OF_PROBLEM, Row, Shaped, asked
from cotkit.curate.exporters.together import Together
from cotkit.curate.pairing import RATIO, By, Candidate, Pair, Unit, pairs
from cotkit.curate.wrappings import R1, Wrapping
from cotkit.pile import Pile, handfuls

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.exporters import Parts, Refusals

# Beside the columns of the problem, what its attempts have in common.
_IN_COMMON = (*OF_PROBLEM, "pass_rate", "attempts")
_MEASURED = ("reasoning", "response", "reasoning_tokens", "response_tokens")
# Of a row: its problem, its verdict, and how long it is, None where that is not known.
_Seen = tuple[str, str, int | None]
_WORDS: Mapping[By, str] = {
    "first": "`chosen` holds an attempt whose answer is correct, `rejected` one whose answer is incorrect",
    "long2short": "`chosen` holds the shortest attempt whose answer is correct, `rejected` one that is longer and "
    "incorrect, or correct and at least {ratio:g} times as long",
    "extremes": "`chosen` holds the shortest and `rejected` the longest attempt whose answer is correct",
}


class Preference(Together, Shaped):
    """`prompt`, `chosen` and `rejected`, chat turns as TRL's DPOTrainer takes them.

    The select step before must keep several attempts a problem, and both verdicts (`verdicts: [correct, incorrect]`)
    unless `by` is extremes. Undecided attempts are in no pair.
    """

    kind: Literal["preference"] = "preference"
    by: By = Field(
        "first",
        description="first: the first correct attempt with the first incorrect one, the second with the second …; "
        "long2short: the shortest correct one with each that is incorrect and longer, or correct and `ratio` times as "
        "long (Kimi k1.5); extremes: the shortest with the longest correct one.",
    )
    pairs: int = Field(1, ge=1, description="Most pairs of one problem.")
    ratio: float = Field(
        RATIO, gt=1, description="Of long2short: how many times as long a correct attempt is to be rejected."
    )
    length: Unit = Field(
        "characters",
        description="What attempts are measured in: characters, or tokens (set `tokenizer` of the select step; a row "
        "without counts is dropped as no_length).",
    )

    row: ClassVar[str] = "a problem and two graded attempts at it"
    code: ClassVar[tuple[str, ...]] = ("cotkit.curate.pairing",)

    @model_validator(mode="after")
    def _ratio_is_heard(self) -> Preference:
        if "ratio" in self.altered() and self.by != "long2short":
            raise PydanticCustomError("pairs", "'ratio' changes nothing without `by: long2short`; drop it")
        return self

    def wrapping(self) -> Wrapping:
        return R1

    def sieved(self, parts: Parts) -> Iterator[tuple[pl.DataFrame, Refusals]]:
        refused: dict[int, tuple[str, dict[str, Any]]] = {}
        seen: list[_Seen] = []
        for examples in parts():
            refused |= {len(seen) + number: why for number, why in Shaped.refused(self, examples).items()}
            seen += self._seen(examples)
        lost = [number for number, (_, _, length) in enumerate(seen) if length is None]
        refused |= {number: ("no_length", {"unit": self.length}) for number in lost if number not in refused}
        # A row is refused where no other makes a pair with it, wherever that would be.
        paired = {c.number for pair in self._pairs(seen, refused) for c in (pair.chosen, pair.rejected)}
        start = 0
        for examples in parts():
            found: dict[int, tuple[str, dict[str, Any]]] = {}
            for number, (_, verdict, length) in enumerate(seen[start : start + examples.height]):
                if start + number in refused:
                    found[number] = refused[start + number]
                elif start + number not in paired:
                    found[number] = ("no_pair", {"verdict": verdict, self.length: length})
            start += examples.height
            yield examples, found

    def _pairs(self, seen: Sequence[_Seen], refused: Mapping[int, Any]) -> list[Pair]:
        """All pairs, in the order of the problems' first rows."""
        groups: dict[str, list[Candidate]] = defaultdict(list)
        for number, (problem, verdict, length) in enumerate(seen):
            if number not in refused and length is not None and verdict in ("correct", "incorrect"):
                groups[problem].append(Candidate(number, length, verdict == "correct"))
        return [pair for group in groups.values() for pair in pairs(group, self.by, self.ratio)[: self.pairs]]

    def _seen(self, examples: pl.DataFrame) -> list[_Seen]:
        columns = ("problem_id", "verdict", *_MEASURED)
        rows = examples.select(columns).iter_rows(named=True)
        return [(row["problem_id"], row["verdict"], self._length(row)) for row in rows]

    def _length(self, row: Row) -> int | None:
        """Of reasoning and response together; None where a count of tokens is missing."""
        total = 0
        for part in ("reasoning", "response"):
            if self.length == "characters" or not row[part]:
                total += len(row[part] or "")
            elif row[f"{part}_tokens"] is None:
                return None
            else:
                total += row[f"{part}_tokens"]
        return total

    def export_in(self, parts: Parts, attempts: Parts, aside: Path) -> Iterator[pl.DataFrame]:
        import polars as pl

        found = self._pairs([one for examples in parts() for one in self._seen(examples)], {})
        paired = {c.number for pair in found for c in (pair.chosen, pair.rejected)}
        # The other side of a pair may lie anywhere in the table.
        with Pile(aside) as pile:
            number = 0
            for examples in parts():
                for row in examples.iter_rows(named=True):
                    if number in paired:
                        pile.put(number, row)
                    number += 1
            rows = (self._pair(pile.get(pair.chosen.number), pile.get(pair.rejected.number), pair) for pair in found)
            yield pl.DataFrame(schema=self.own())
            for some in handfuls(rows, lambda row: row["chosen_length"] + row["rejected_length"]):
                yield pl.DataFrame(some, schema=self.own())

    def _pair(self, good: Row, bad: Row, pair: Pair) -> dict[str, Any]:
        found: dict[str, Any] = {"prompt": [{"role": "user", "content": asked(good)}]}
        for side, row in (("chosen", good), ("rejected", bad)):
            found[side] = [{"role": "assistant", "content": R1.join(row["reasoning"], row["response"])}]
        found |= {"chosen_length": pair.chosen.length, "rejected_length": pair.rejected.length}
        found |= {"length_unit": self.length, "rejected_kind": pair.kind}
        for name in self.further():
            if name not in _IN_COMMON:
                found |= {f"chosen_{name}": good[name], f"rejected_{name}": bad[name]}
            else:
                found[name] = good[name]
        return found

    def own(self) -> dict[str, Any]:
        import polars as pl

        types = records.schema(records.Example)
        found = dict.fromkeys(("prompt", "chosen", "rejected"), types["messages"])
        found |= {"chosen_length": pl.Int64(), "rejected_length": pl.Int64()}
        found |= {"length_unit": pl.String(), "rejected_kind": pl.String()}
        for name in self.further():
            sides = (f"chosen_{name}", f"rejected_{name}") if name not in _IN_COMMON else (name,)
            found |= dict.fromkeys(sides, types[name])
        return found

    def describe(self) -> str:
        return (
            f"A row is a pair: {_WORDS[self.by].format(ratio=self.ratio)}, both with the reasoning in `<think>` tags. "
            f"Lengths are {self.length} of reasoning and response; `rejected_kind` is wrong or longer."
        )
