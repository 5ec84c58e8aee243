"""Problems for reinforcement learning, in the columns that verl reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.curate.exporters import Parts, Refusals
from cotkit.curate.exporters.shaped import OF_PROBLEM, asked, user_turns
from cotkit.curate.exporters.together import Together

if TYPE_CHECKING:
    import polars as pl

# What a reader may want to know of a problem; a trace has no place in this shape.
_INFO = tuple(name for name in (*OF_PROBLEM, "pass_rate", "attempts") if name not in ("answer", "domain"))


class Verl(Together):
    """`data_source`, `prompt`, `ability`, `reward_model` and `extra_info`; a row a problem, without its trace.

    The columns are those of verl's own preprocessing (https://verl.readthedocs.io/en/latest/preparation/prepare_data.html).
    `cotkit.verify.reward` grades with cotkit's rules whatever `data_source` says.
    """

    kind: Literal["verl"] = "verl"
    data_source: str | None = Field(
        None, min_length=1, description="Value of data_source, by which verl chooses a reward; else the row's source."
    )
    suffix: str = Field("", description="Text after every problem, such as how the answer is to be marked.")

    row: ClassVar[str] = "a problem and its reference answer, without the trace"
    needs_traces: ClassVar[bool] = False

    def sieved(self, parts: Parts) -> Iterator[tuple[pl.DataFrame, Refusals]]:
        first: dict[str, int] = {}
        start = 0
        for examples in parts():
            found: dict[int, tuple[str, dict[str, Any]]] = {}
            for number, row in enumerate(examples.iter_rows(named=True)):
                turns = user_turns(row)
                if len(turns) > 1:
                    found[number] = ("several_turns", {"user_turns": len(turns)})
                elif not row["answer"]:
                    found[number] = ("no_answer", {})
                elif row["problem_id"] in first:
                    found[number] = ("same_problem", {"row": first[row["problem_id"]]})
                else:
                    first[row["problem_id"]] = start + number
            start += examples.height
            yield examples, found

    def export_in(self, parts: Parts, attempts: Parts, aside: Path) -> Iterator[pl.DataFrame]:
        import polars as pl

        types = records.schema(records.Example)
        info = {"index": pl.Int64(), **{name: types[name] for name in _INFO}}
        schema = {
            "data_source": pl.String(),
            "prompt": types["messages"],
            "ability": pl.String(),
            "reward_model": pl.Struct({"style": pl.String(), "ground_truth": pl.String()}),
            "extra_info": pl.Struct(info),
        }
        start = 0
        for examples in parts():
            rows = [self._row(number, row) for number, row in enumerate(examples.iter_rows(named=True), start)]
            start += examples.height
            yield pl.DataFrame(rows, schema=schema)

    def _row(self, number: int, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "data_source": self.data_source or row["source"],
            "prompt": [{"role": "user", "content": asked(row) + self.suffix}],
            "ability": row["domain"],
            "reward_model": {"style": "rule", "ground_truth": row["answer"]},
            "extra_info": {"index": number, **{name: row[name] for name in _INFO}},
        }

    def describe(self) -> str:
        return "A row a problem, in the columns of verl: `reward_model.ground_truth` is the reference answer."
