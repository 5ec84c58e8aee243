"""Pairs of a correct and an incorrect attempt, for preference training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.curate.exporters.shaped import OF_PROBLEM, Row, Shaped, asked
from cotkit.curate.wrappings import R1, Wrapping

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.exporters import Refusals

# Beside the columns of the problem, what its attempts have in common.
_IN_COMMON = (*OF_PROBLEM, "pass_rate", "attempts")


class Preference(Shaped):
    """`prompt`, `chosen` and `rejected`, chat turns as TRL's DPOTrainer takes them.

    The select step before must keep both verdicts (`verdicts: [correct, incorrect]`) and several attempts a problem.
    The first correct attempt is paired with the first incorrect one, the second with the second, and so on.
    """

    kind: Literal["preference"] = "preference"
    pairs: int = Field(1, ge=1, description="Most pairs of one problem.")

    row: ClassVar[str] = "a problem and two graded attempts at it"

    def wrapping(self) -> Wrapping:
        return R1

    def refused(self, examples: pl.DataFrame) -> Refusals:
        found = dict(super().refused(examples))
        rows = examples.select("problem_id", "verdict").rows()
        paired = {n for pair in self._pairs(rows, found) for n in pair}
        for number, (_, verdict) in enumerate(rows):
            if number not in found and number not in paired:
                found[number] = ("no_pair", {"verdict": verdict})
        return found

    def _pairs(self, rows: list[tuple[str, str]], refused: Mapping[int, Any]) -> Iterator[tuple[int, int]]:
        """Row numbers of (chosen, rejected), in the order of the problems' first rows."""
        sides: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for number, (identity, verdict) in enumerate(rows):
            if number not in refused and verdict in ("correct", "incorrect"):
                sides[identity][verdict == "incorrect"].append(number)
        for good, bad in sides.values():
            yield from list(zip(good, bad, strict=False))[: self.pairs]

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        rows = examples.rows(named=True)
        numbers = list(self._pairs([(row["problem_id"], row["verdict"]) for row in rows], {}))
        return pl.DataFrame([self._pair(rows[good], rows[bad]) for good, bad in numbers], schema=self.own())

    def _pair(self, good: Row, bad: Row) -> dict[str, Any]:
        pair: dict[str, Any] = {"prompt": [{"role": "user", "content": asked(good)}]}
        for side, row in (("chosen", good), ("rejected", bad)):
            pair[side] = [{"role": "assistant", "content": R1.join(row["reasoning"], row["response"])}]
        for name in self.further():
            if name not in _IN_COMMON:
                pair |= {f"chosen_{name}": good[name], f"rejected_{name}": bad[name]}
            else:
                pair[name] = good[name]
        return pair

    def own(self) -> dict[str, Any]:
        types = records.schema(records.Example)
        found = dict.fromkeys(("prompt", "chosen", "rejected"), types["messages"])
        for name in self.further():
            sides = (f"chosen_{name}", f"rejected_{name}") if name not in _IN_COMMON else (name,)
            found |= dict.fromkeys(sides, types[name])
        return found

    def describe(self) -> str:
        return (
            "A row is a pair: `chosen` holds an attempt whose answer is correct, `rejected` one whose answer is "
            "incorrect, both with the reasoning in `<think>` tags."
        )
