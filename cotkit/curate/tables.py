"""The tables that a dataset holds beside the chosen rows: every attempt, and the rows with all their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cotkit.records import Example, Problem, Trace, Verdict
from cotkit.steps import Tables

if TYPE_CHECKING:
    import polars as pl

Extra = Literal["all-traces", "metadata"]
_PROBLEM = ("problem_id", "problem", "answer", "solution", "domain", "source", "source_row", "license", "language")
# Not how long it took, nor what it was asked by: these differ between two runs of one recipe.
_TRACE = (
    *("problem_id", "sample", "teacher", "status", "reasoning", "response", "reasoning_kind", "finish_reason"),
    *("prompt_tokens", "completion_tokens", "reasoning_tokens", "cost_usd"),
)


def all_traces(tables: Tables, kept: pl.DataFrame) -> pl.DataFrame:
    """One row for each attempt, chosen or not, with its problem and its verdict, in the order of the attempts.

    `verdict` is null where nothing was graded; `published` says whether the attempt is in the default table.
    """
    import polars as pl

    verdicts = tables[Verdict].select(
        "problem_id",
        "sample",
        "verdict",
        "extracted",
        pl.col("method").alias("verdict_method"),
        pl.col("reason").alias("verdict_reason"),
    )
    chosen = kept.select("problem_id", "sample", published=pl.lit(True))
    problems = tables[Problem].select(_PROBLEM).unique("problem_id", keep="first", maintain_order=True)
    return (
        tables[Trace]
        .select(_TRACE)
        .join(problems, on="problem_id", how="left", maintain_order="left")
        .join(verdicts, on=("problem_id", "sample"), how="left", maintain_order="left")
        .join(chosen, on=("problem_id", "sample"), how="left", maintain_order="left")
        .with_columns(pl.col("published").fill_null(False))
        .select(*_PROBLEM, *_TRACE[1:], "verdict", "extracted", "verdict_method", "verdict_reason", "published")
    )


def metadata(kept: pl.DataFrame) -> pl.DataFrame:
    """The rows of the default table with the text of each part and all columns of Example, without chat turns."""
    return kept.drop("messages")


def wanted(extra: tuple[Extra, ...]) -> tuple[type, ...]:
    """Tables that a publish step with these configs reads."""
    return (Example, Verdict, Trace, Problem) if "all-traces" in extra else (Example,)
