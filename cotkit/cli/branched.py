"""What `cotkit pairs RUN --by branches` does with the trees of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.cli.files import read_rows, table_of
from cotkit.curate.branches import branch_row, branches, broken_branch
from cotkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl

RULE = "branches"
_OF_PROBLEM = ("problem_id", "problem", "answer", "domain", "source", "source_row", "license")


def branched(run: Path, most: int, limit: int | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs, and the problems that have none with the reason. Raises InputError where there are no trees."""
    from cotkit.cli.tallied import tables_of_run
    from cotkit.records import Problem, Trace, Verdict, question

    tables = tables_of_run(run)
    problems = {row["problem_id"]: row for row in tables[Problem].iter_rows(named=True)}
    verdicts = {key: found[0] for key, found in _by_key(tables[Verdict], "verdict").items()}
    of_strategy: dict[tuple[str, str], list[str]] = {}
    for (name, sample), (strategy,) in _by_key(tables[Trace], "strategy").items():
        of_strategy.setdefault((name, strategy), []).append(verdicts.get((name, sample), "not_graded"))
    found: list[dict[str, Any]] = []
    left: list[dict[str, Any]] = []
    trees = _trees(run)
    for strategy, name, tree in trees if limit is None else trees[:limit]:
        problem = problems.get(name)
        if problem is None:
            continue
        own = {key: problem[key] for key in _OF_PROBLEM} | {"strategy": strategy}
        pairs = branches(tree)
        reason = _refused(of_strategy.get((name, strategy), []), len(pairs))
        if reason:
            left.append({**own, "reason": reason})
        else:
            asked = question(problem["problem"], problem["choices"])
            found += [branch_row(pair, asked) | own for pair in pairs[:most]]
    return table_of(found), table_of(left)


def _by_key(table: pl.DataFrame, column: str) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {(row[0], row[1]): row[2:] for row in table.select("problem_id", "sample", column).iter_rows()}


def _refused(verdicts: list[str], pairs: int) -> str:
    """Why a tree gives no pairs: a way is followed only where what was built of it is correct."""
    if not verdicts:
        return "nothing_built"
    if "correct" not in verdicts:
        return "undecided" if "undecided" in verdicts else "not_correct"
    return "" if pairs else "no_wrong_step"


def _trees(run: Path) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(strategy, problem_id, tree) of all steps that searched."""
    from cotkit.distill.construct import Construct
    from cotkit.recipe.load import load
    from cotkit.run.directory import LOCK_FILE, RunDirectory

    directory = RunDirectory(run)
    found = []
    for step in load(str(run / LOCK_FILE)).recipe.steps:
        folder = directory.find(step.name) if isinstance(step, Construct) else None
        if isinstance(step, Construct) and folder is not None and (folder / "trees.parquet").is_file():
            rows = directory.table(step.name, "trees").select("problem_id", "tree").iter_rows()
            found += [(step.strategy.by, name, json.loads(tree)) for name, tree in rows]
    if not found:
        raise InputError(f"{run}: no step of this run searched a tree; `journey` and `critique_loop` do")
    return found


def broken_branches(path: Path) -> tuple[int, list[tuple[int, str]]]:
    """How many pairs there are, and (row from 1, broken rule) of those that break theirs."""
    rows = read_rows(path, None)
    told = ((number, broken_branch(row)) for number, row in enumerate(rows, 1))
    return len(rows), [(number, why) for number, why in told if why is not None]
