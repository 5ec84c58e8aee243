"""Examples as a card counts them: without their texts, which are long, but with what it tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotkit.curate.wrappings import CONTROL

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = (
    *("problem_id", "verdict", "verdict_method", "pass_rate", "domain", "source", "license", "language", "teacher"),
    *("completion_tokens", "reasoning_kind", "strategy", "saw_reference"),
)


def measured(examples: pl.DataFrame) -> pl.DataFrame:
    """`characters` of reasoning and response, whether there is `no_reasoning`, whether a text looks like a `control`
    token, and the columns that are counted. Rows that are measured already stay as they are.
    """
    import polars as pl

    if "characters" in examples.columns:
        return examples
    reasoning, response = pl.col("reasoning").fill_null(""), pl.col("response").fill_null("")
    control = pl.concat_str("reasoning", "response", ignore_nulls=True).str.contains_any(list(CONTROL))
    return examples.select(
        *_COLUMNS,
        characters=reasoning.str.len_chars() + response.str.len_chars(),
        no_reasoning=reasoning == "",
        control=control,
    )
