"""Chat rows: a `messages` column of turns, as TRL and `datasets` users expect it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.curate.exporters import Exporter

if TYPE_CHECKING:
    import polars as pl


class Messages(Exporter):
    """All columns of Example; `messages` is the user turn as it was sent, then one assistant turn.

    Text is taken over as it is: a tag that stands inside a reasoning or a response stays, and the
    columns `reasoning` and `response` hold the two parts apart.
    """

    by_row: ClassVar[bool] = True

    kind: Literal["messages"] = "messages"
    reasoning: bool = Field(
        True, description="Put the reasoning, between the two tags, before the response in the assistant turn."
    )
    system: str | None = Field(None, min_length=1, description="Text of a system turn before every row.")
    open_tag: str = Field("<think>", min_length=1, description="Tag before the reasoning.")
    close_tag: str = Field("</think>", min_length=1, description="Tag after the reasoning.")

    def export(self, examples: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        turn = records.schema(records.Example)["messages"]
        users = pl.col("messages").list.filter(pl.element().struct.field("role") == "user")
        asked = pl.when(users.list.len() > 0).then(users).otherwise(_turn("user", pl.col("problem").fill_null("")))
        system = [] if self.system is None else [_turn("system", pl.lit(self.system))]
        turns = pl.concat_list(*system, asked, _turn("assistant", self._answer())).cast(turn)
        return examples.select(records.schema(records.Example).keys()).with_columns(messages=turns)

    def _answer(self) -> pl.Expr:
        import polars as pl

        response = pl.col("response").fill_null("")
        if not self.reasoning:
            return response
        has_reasoning = pl.col("reasoning").fill_null("").str.len_bytes() > 0
        parts = (pl.lit(f"{self.open_tag}\n"), pl.col("reasoning"), pl.lit(f"\n{self.close_tag}\n\n"), response)
        return pl.when(has_reasoning).then(pl.concat_str(*parts)).otherwise(response)

    def describe(self) -> str:
        assistant = (
            f"the reasoning between `{self.open_tag}` and `{self.close_tag}`, then the response"
            if self.reasoning
            else "the response alone"
        )
        system = "" if self.system is None else "a system turn, "
        return f"`messages` holds {system}the problem as it was asked (user), and {assistant} (assistant)."


def _turn(role: str, content: pl.Expr) -> pl.Expr:
    """A list of one turn."""
    import polars as pl

    return pl.concat_list(pl.struct(pl.lit(role).alias("role"), content.alias("content")))
