"""Chat rows for axolotl, with the reasoning in a place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cotkit.curate.exporters.shaped import Row, Shaped, asked


class Axolotl(Shaped):
    """`messages` whose assistant turn has `reasoning_content`, and the `datasets:` entry in axolotl.yaml.

    axolotl's `chat_template` strategy hands that key to the model's own template, which writes its own tags.
    """

    kind: Literal["axolotl"] = "axolotl"
    system: str | None = Field(None, min_length=1, description="Text of a system turn before every row.")

    def shape(self, row: Row) -> dict[str, Any]:
        turns = [("user", asked(row), None), ("assistant", row["response"] or "", row["reasoning"] or None)]
        if self.system:
            turns.insert(0, ("system", self.system, None))
        return {"messages": [{"role": r, "content": c, "reasoning_content": t} for r, c, t in turns]}

    def own(self) -> dict[str, Any]:
        import polars as pl

        return {"messages": pl.List(pl.Struct(dict.fromkeys(("role", "content", "reasoning_content"), pl.String())))}

    def describe(self) -> str:
        return "`messages` holds the problem as it was asked and the response, whose reasoning is `reasoning_content`."

    def files(self, split: str) -> Mapping[str, str]:
        import yaml

        entry = {
            "path": "PLACE",
            "split": split,
            "type": "chat_template",
            "field_messages": "messages",
            # With mappings of its own, axolotl takes the reasoning only where they name it.
            "message_property_mappings": {name: name for name in ("role", "content", "reasoning_content")},
            "field_thinking": "reasoning_content",
            "roles_to_train": ["assistant"],
        }
        head = "# PLACE is this folder, or the name of the dataset on the Hub.\n"
        return {"axolotl.yaml": head + yaml.safe_dump({"datasets": [entry]}, sort_keys=False)}
