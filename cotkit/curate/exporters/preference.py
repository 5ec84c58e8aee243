"""Pairs of attempts of which one is better, for preference training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.curate.exporters.shaped import OF_PROBLEM, Row, Shaped, asked
from cotkit.curate.pairing import RATIO, By, Candidate, Pair, Unit, pairs
from cotkit.curate.wrappings import R1, Wrapping

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.exporters import Refusals

# Beside the columns of the problem, what its attempts have in common.
_IN_COMMON = (*OF_PROBLEM, "pass_rate", "attempts")
_WORDS: Mapping[By, str] = {
    "first": "`chosen` holds an attempt whose answer is correct, `rejected` one whose answer is incorrect",
    "long2short": "`chosen` holds the shortest attempt whose answer is correct, `rejected` one that is longer and "
    "incorrect, or correct and at least {ratio:g} times as long",
    "extremes": "`chosen` holds the shortest and `rejected` the longest attempt whose answer is correct",
}


class Preference(Shaped):
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
    by_row: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = ("cotkit.curate.pairing",)

    @model_validator(mode="after")
    def _ratio_is_heard(self) -> Preference:
        if "ratio" in self.altered() and self.by != "long2short":
            raise PydanticCustomError("pairs", "'ratio' changes nothing without `by: long2short`; drop it")
        return self

    def wrapping(self) -> Wrapping:
        return R1

    def refused(self, examples: pl.DataFrame) -> Refusals:
        found = dict(super().refused(examples))
        rows = examples.rows(named=True)
        for number, row in enumerate(rows):
            if number not in found and self._length(row) is None:
                found[number] = ("no_length", {"unit": self.length})
        paired = {c.number for pair in self._pairs(rows, found) for c in (pair.chosen, pair.rejected)}
        for number, row in enumerate(rows):
            if number not in found and number not in paired:
                found[number] = ("no_pair", {"verdict": row["verdict"], self.length: self._length(row)})
        return found

    def _pairs(self, rows: Sequence[Row], refused: Mapping[int, Any]) -> list[Pair]:
        """All pairs, in the order of the problems' first rows."""
        groups: dict[str, list[Candidate]] = defaultdict(list)
        for number, row in enumerate(rows):
            length = self._length(row)
            if number not in refused and length is not None and row["verdict"] in ("correct", "incorrect"):
                groups[row["problem_id"]].append(Candidate(number, length, row["verdict"] == "correct"))
        return [pair for group in groups.values() for pair in pairs(group, self.by, self.ratio)[: self.pairs]]

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

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        rows = examples.rows(named=True)
        return pl.DataFrame([self._pair(rows, pair) for pair in self._pairs(rows, {})], schema=self.own())

    def _pair(self, rows: Sequence[Row], pair: Pair) -> dict[str, Any]:
        good, bad = rows[pair.chosen.number], rows[pair.rejected.number]
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
