"""Prompt and completion, the other shape that TRL's SFTTrainer takes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cotkit import records
from cotkit.curate.exporters.shaped import Row, Shaped, asked
from cotkit.curate.wrappings import R1, Wrapping


class PromptCompletion(Shaped):
    """`prompt` and `completion`: chat turns, to which TRL applies the model's template, or plain texts.

    The loss of TRL's trainer is then on the completion alone (https://huggingface.co/docs/trl/dataset_formats).
    """

    kind: Literal["prompt_completion"] = "prompt_completion"
    turns: bool = Field(True, description="Lists of one chat turn each; false for two plain texts.")

    def wrapping(self) -> Wrapping:
        return R1

    def shape(self, row: Row) -> dict[str, Any]:
        prompt, completion = asked(row), R1.join(row["reasoning"], row["response"])
        if not self.turns:
            # TRL puts the two texts together with nothing between them.
            return {"prompt": f"{prompt}\n\n", "completion": completion}
        return {
            "prompt": [{"role": "user", "content": prompt}],
            "completion": [{"role": "assistant", "content": completion}],
        }

    def own(self) -> dict[str, Any]:
        import polars as pl

        kind = records.schema(records.Example)["messages"] if self.turns else pl.String()
        return {"prompt": kind, "completion": kind}

    def describe(self) -> str:
        shape = "as chat turns" if self.turns else "as texts"
        return f"`prompt` and `completion` {shape}; the completion is the reasoning in `<think>` tags and the response."
