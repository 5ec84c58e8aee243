"""The columns of STILL-2 (RUC-AIBOX/long_form_thought_data_5k)."""

from __future__ import annotations

from typing import Any, Literal

from cotkit.curate.exporters.shaped import Row, Shaped, asked
from cotkit.curate.wrappings import OPENTHOUGHTS, Wrapping


class Still(Shaped):
    """`question` and `combined_text` in OpenThoughts' tags, which STILL-2 had first; `domain` is a further column."""

    kind: Literal["still"] = "still"

    def wrapping(self) -> Wrapping:
        return OPENTHOUGHTS

    def shape(self, row: Row) -> dict[str, Any]:
        return {"question": asked(row), "combined_text": OPENTHOUGHTS.join(row["reasoning"], row["response"])}

    def own(self) -> dict[str, Any]:
        import polars as pl

        return dict.fromkeys(("question", "combined_text"), pl.String())

    def describe(self) -> str:
        return (
            "`question` is the problem as it was asked, `combined_text` the reasoning after `<|begin_of_thought|>` and "
            "the response after `<|begin_of_solution|>`."
        )
