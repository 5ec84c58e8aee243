"""Examples as a card counts them: without their texts, which are long, but with what it tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotkit.curate.wrappings import CONTROL

if TYPE_CHECKING:
    import polars as pl

# What is long; no card counts by it.
_TEXTS = ("messages", "problem", "answer", "reasoning", "response", "metadata", "provenance")


def measured(examples: pl.DataFrame) -> pl.DataFrame:
    """`characters` of reasoning and response, whether there is `no_reasoning`, whether a text looks like a `control`
    token, and all columns but the texts. Rows that are measured already stay as they are.
    """
    import polars as pl

    if "characters" in examples.columns:
        return examples
    reasoning, response = pl.col("reasoning").fill_null(""), pl.col("response").fill_null("")
    control = pl.concat_str("reasoning", "response", ignore_nulls=True).str.contains_any(list(CONTROL))
    return examples.with_columns(
        characters=reasoning.str.len_chars() + response.str.len_chars(),
        no_reasoning=reasoning == "",
        control=control,
    ).drop(_TEXTS, strict=False)
