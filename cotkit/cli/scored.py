"""What `cotkit score` does with a file of rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.cli.files import check_names, run_step, table_of

if TYPE_CHECKING:
    import polars as pl

    from cotkit.cli.graded import Names
    from cotkit.cli.output import Output
    from cotkit.steps import StepOutput
    from cotkit.verify.score import ScoreStep


def scoring(by: Sequence[str], keys: Sequence[str]) -> ScoreStep:
    """The score step of these options; raises RecipeError for what it refuses."""
    from pydantic import ValidationError

    from cotkit.errors import RecipeError
    from cotkit.verify.score import ScoreStep
    from cotkit.verify.scorers.prm import Prm

    names = [name.replace("-", "_") for name in by]
    check_names("--by", names, "scorers")
    if len(set(names)) < len(names):
        raise RecipeError("--by: a scorer is named twice; use a recipe to ask it twice with different keys")
    scorers = [{"by": name} | _keys(name, names, keys) for name in names]
    try:
        step = ScoreStep.model_validate({"step": "score", "name": "score", "scorers": scorers})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str))
        told = first["msg"]
        if first["type"] in ("tuple_type", "list_type"):
            told = f"it takes a list; write --key '{where}=[{first['input']}]'"
        raise RecipeError(f"--key {where}: {told}") from error
    for sentence in step.check():
        raise RecipeError(f"--by: {sentence}")
    for scorer in step.scorers:
        # A run directory has a journal; a file has none, and what was paid would be lost with the command.
        if isinstance(scorer, Prm) and scorer.adapter == "llm_judge" and scorer.journal is None:
            raise RecipeError("--by prm: the adapter llm_judge is paid; keep its answers with --key journal=FILE")
    step.ready()
    return step


def _keys(name: str, names: Sequence[str], keys: Sequence[str]) -> dict[str, Any]:
    """The keys of one scorer, out of `[SCORER.]KEY=VALUE` options."""
    import yaml

    from cotkit.errors import RecipeError

    found = {}
    for option in keys:
        path, sign, value = option.partition("=")
        head, dot, rest = path.replace("-", "_").partition(".")
        owner, key = (head, rest) if dot and head in names else (names[0] if len(names) == 1 else "", path)
        if not sign or owner not in names:
            raise RecipeError(f"--key {option}: write SCORER.KEY=VALUE with a scorer of {', '.join(names)}")
        try:
            loaded = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise RecipeError(f"--key {option}: the value is no YAML; put it in quotes") from error
        if owner == name:
            found[key.replace("-", "_")] = loaded
    return found


def scored(
    path: Path, names: Names, limit: int | None, step: ScoreStep, flat: bool, output: Output
) -> tuple[pl.DataFrame, str]:
    """The file's rows with `scores`; with `flat` also a column for each score.

    `unscored` names the scorers that could not score a row and why, `step_scores` holds the numbers of single steps.
    Verdicts are added where the file has none. With the rows comes a sentence on what a server did not answer.
    """
    from cotkit.cli.attempts import tables_of_file
    from cotkit.cli.files import read_rows
    from cotkit.records import Trace, Verdict

    rows = read_rows(path, limit)
    _must_be_given(step, rows)
    tables = tables_of_file(path, rows, names, output)
    result = run_step(step, tables, output)
    keys = tables[Trace].select("problem_id", "sample").rows()
    output.say(", ".join(f"{label} {value:,.6g}" for label, value in result.counters.items()), "dim")
    verdicts = tables[Verdict].rows_by_key(("problem_id", "sample"), named=True, unique=True)
    graded = any(names.get(row, "verdict") for row in rows)
    further = {**_unscored(result.secondary), **_steps(result.secondary)}
    found = []
    for row, key, scores in zip(rows, keys, result.kept["scores"].to_list(), strict=True):
        told = dict(row)
        if not graded:
            verdict = verdicts[key]
            told |= {"verdict": verdict["verdict"], "extracted": verdict["extracted"]}
            told |= {"verdict_method": verdict["method"], "verdict_reason": verdict["reason"]}
        told["scores"] = scores
        if flat:
            told |= {score["name"]: score["value"] for score in scores or ()}
        found.append(told | {name: cells.get(key) for name, cells in further.items()})
    return table_of(found), _left_open(step, result, len(rows))


def _must_be_given(step: ScoreStep, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raises RecipeError for a scorer that reads a score which neither the file nor a scorer before it gives."""
    from cotkit.cli.files import items_of
    from cotkit.errors import RecipeError
    from cotkit.records import read_scores

    given = {score["name"] for row in rows for score in read_scores(items_of(row.get("scores"))) or ()}
    for scorer in step.scorers:
        for name in scorer.needs():
            if name not in given:
                raise RecipeError(
                    f"--by {scorer.by}: it reads the score '{name}', and neither the file nor a scorer before it gives "
                    "that; name such a scorer first, or another score with --key of=NAME"
                )
        given.update(scorer.names())


def _left_open(step: ScoreStep, result: StepOutput, count: int) -> str:
    """Which scorers are to be asked again, where, and why; empty where none is."""
    if not result.incomplete:
        return ""
    lost: Counter[tuple[str, str]] = Counter()
    for row in result.secondary["unscored"].iter_rows(named=True):
        told = json.loads(row["evidence"])
        lost[row["by"], str(told.get("error") or f"status {told.get('status')}")] += row["reason"] == "scorer_failed"
    urls = {scorer.by: getattr(scorer, "url", "") for scorer in step.scorers}
    parts = [f"{by} at {urls[by]} gave {n:,} of {count:,} rows no score ({why})" for (by, why), n in lost.items() if n]
    return "; ".join(parts)


_Cells = Mapping[str, Mapping[tuple[str, int], Any]]


def _unscored(secondary: Mapping[str, pl.DataFrame]) -> _Cells:
    if "unscored" not in secondary:
        return {}
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in secondary["unscored"].iter_rows(named=True):
        key = row["problem_id"], row["sample"]
        found.setdefault(key, {})[row["by"]] = {"reason": row["reason"], **json.loads(row["evidence"])}
    return {"unscored": {key: json.dumps(told, sort_keys=True, ensure_ascii=False) for key, told in found.items()}}


def _steps(secondary: Mapping[str, pl.DataFrame]) -> _Cells:
    """Of one scorer: a command that names two of them gets their numbers in a recipe."""
    if "steps" not in secondary:
        return {}
    rows = secondary["steps"].iter_rows(named=True)
    return {"step_scores": {(row["problem_id"], row["sample"]): row["scores"] for row in rows}}
