"""The tables that a dataset is made of: problems without traces, every attempt, the rows with all their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cotkit import records
from cotkit.records import Example, Problem, Trace, Verdict
from cotkit.steps import Tables

if TYPE_CHECKING:
    import polars as pl

Extra = Literal["all-traces", "metadata", "negatives", "unverified"]
PROBLEM = ("problem_id", "problem", "answer", "solution", "domain", "source", "source_row", "license", "language")
VERDICT = ("problem_id", "sample", "verdict", "extracted", "method", "reason")
# Not how long it took, nor what it was asked by: these differ between two runs of one recipe.
_TRACE = (
    *("problem_id", "sample", "teacher", "status", "reasoning", "response", "reasoning_kind", "finish_reason"),
    *("prompt_tokens", "completion_tokens", "reasoning_tokens", "cost_usd", "scores", "strategy"),
    "provenance",
)


def all_traces(tables: Tables, kept: pl.DataFrame) -> pl.DataFrame:
    """One row for each attempt, chosen or not, with its problem and its verdict, in the order of the attempts.

    `verdict` is null where nothing was graded; `published` says whether the attempt is in the default table.
    """
    import polars as pl

    verdicts = tables[Verdict].select(
        *VERDICT[:4],
        pl.col("method").alias("verdict_method"),
        pl.col("reason").alias("verdict_reason"),
    )
    chosen = kept.select("problem_id", "sample", published=pl.lit(True))
    problems = tables[Problem].select(PROBLEM).unique("problem_id", keep="first", maintain_order=True)
    return (
        tables[Trace]
        .select(_TRACE)
        .with_columns(pl.col("provenance").map_elements(records.published_provenance, pl.String, skip_nulls=False))
        .join(problems, on="problem_id", how="left", maintain_order="left")
        .join(verdicts, on=("problem_id", "sample"), how="left", maintain_order="left")
        .join(chosen, on=("problem_id", "sample"), how="left", maintain_order="left")
        .with_columns(pl.col("published").fill_null(False))
        .select(*PROBLEM, *_TRACE[1:], "verdict", "extracted", "verdict_method", "verdict_reason", "published")
    )


def negatives(attempts: pl.DataFrame) -> pl.DataFrame:
    """Those of `all_traces` that are provably wrong: finished, with an answer that the rules or the tests call
    incorrect. What a judge calls wrong is an opinion; what is undecided or cut off is not known to be wrong.
    """
    import polars as pl

    wrong = (pl.col("verdict") == "incorrect") & (pl.col("status") == "done") & pl.col("extracted").is_not_null()
    return attempts.filter(wrong & ~pl.col("verdict_method").is_in(["none", "judge"]))


def unverified(attempts: pl.DataFrame) -> pl.DataFrame:
    """Those of `all_traces` that are finished, whatever was found of them: the set as it was before verification."""
    import polars as pl

    return attempts.filter(pl.col("status") == "done")


def unanswered(problems: pl.DataFrame) -> pl.DataFrame:
    """Problems as Examples that nobody has answered: all that a trace or a verdict would say is null."""
    import polars as pl

    schema = records.schema(Example)
    asked = [
        [{"role": "user", "content": records.question(problem, choices)}]
        for problem, choices in problems.select("problem", "choices").iter_rows()
    ]
    empty = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in problems.columns]
    turns = pl.Series("messages", asked, dtype=schema["messages"])
    return problems.with_columns(*empty).with_columns(turns).select(*schema)


def metadata(kept: pl.DataFrame) -> pl.DataFrame:
    """The rows of the default table with each part in a column of its own: Examples without chat turns, or Problems."""
    return kept.drop("messages", strict=False)
