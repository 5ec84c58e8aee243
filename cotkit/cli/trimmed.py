"""What `cotkit trim` does with a file of graded attempts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cotkit.cli.output import Output

if TYPE_CHECKING:
    import polars as pl

_TOLD = ("solutions", "first_correct", "outcome_efficiency", "process_efficiency", "length", "trimmed_length", "unit")


def trimmed(path: Path, mode: str, tokenizer: str | None, limit: int | None, output: Output) -> pl.DataFrame:
    """The file's rows with their traces cut, and what was found in each. Raises InputError and RecipeError."""
    from pydantic import ValidationError

    from cotkit import records
    from cotkit.cli.attempts import read_attempts
    from cotkit.cli.files import run_step, table_of
    from cotkit.curate.trim import Trim
    from cotkit.errors import RecipeError
    from cotkit.records import Problem, Trace, Verdict

    try:
        step = Trim.model_validate({"step": "trim", "name": "trim", "mode": mode, "tokenizer": tokenizer})
    except ValidationError as error:
        raise RecipeError(f"--mode {mode}: {error.errors()[0]['msg']}") from error
    attempts, rows = read_attempts(path, limit)
    tables = {
        Problem: records.frame(Problem, {a.problem.problem_id: a.problem for a in attempts}.values()),
        Trace: records.frame(Trace, [a.trace for a in attempts]),
        Verdict: records.frame(Verdict, [a.verdict for a in attempts]),
    }
    result = run_step(step, tables, output)
    told = result.secondary["overthinking"].rows(named=True)
    fates = Counter(str(row["fate"]) for row in told)
    output.say(", ".join(f"{fate} {count:,}" for fate, count in fates.most_common()))
    means = [f"{name} {value:,.3g}" for name, value in result.counters.items() if "trace" in name or "eff" in name]
    output.say(", ".join(means), "dim")
    found = []
    for row, after, thinking in zip(rows, records.rows(Trace, result.kept), told, strict=True):
        new = {**row, "trim": thinking["fate"], **{name: thinking[name] for name in _TOLD}}
        if thinking["fate"] == "trimmed":
            new |= {
                name: getattr(after, name)
                for name in ("reasoning", "response", "completion_tokens", "reasoning_tokens", "strategy", "provenance")
                if name in row or name in ("strategy", "provenance")
            }
        found.append(new)
    return table_of(found)
