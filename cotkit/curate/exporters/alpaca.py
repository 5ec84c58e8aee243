"""Instruction rows in Alpaca shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cotkit.curate.exporters.shaped import Row, Shaped, asked
from cotkit.curate.wrappings import R1, THOUGHT, Wrapping


class Alpaca(Shaped):
    """`instruction`, `input` (always empty), `output` and `system`, with an entry for LLaMA-Factory.

    With `tags: thought` the output is that of Open-O1 and Marco-o1.
    """

    kind: Literal["alpaca"] = "alpaca"
    tags: Literal["think", "thought"] = Field(
        "think",
        description="The tags around the reasoning: <think>, or <Thought> with the response in <Output> (Open-O1).",
    )
    system: str | None = Field(None, min_length=1, description="Text of the system column of every row.")

    def wrapping(self) -> Wrapping:
        return R1 if self.tags == "think" else THOUGHT

    def shape(self, row: Row) -> dict[str, Any]:
        output = self.wrapping().join(row["reasoning"], row["response"])
        return {"instruction": asked(row), "input": "", "output": output, "system": self.system or ""}

    def own(self) -> dict[str, Any]:
        import polars as pl

        return dict.fromkeys(("instruction", "input", "output", "system"), pl.String())

    def describe(self) -> str:
        how = "`<think>` tags and the response" if self.tags == "think" else "`<Thought>`, the response in `<Output>`"
        return f"`instruction` is the problem as it was asked, `output` the reasoning in {how}."

    def files(self, split: str) -> Mapping[str, str]:
        columns = {"prompt": "instruction", "query": "input", "response": "output", "system": "system"}
        entry = {"file_name": "data", "split": split, "formatting": "alpaca", "columns": columns}
        return {"dataset_info.json": json.dumps({"cotkit": entry}, indent=2) + "\n"}
