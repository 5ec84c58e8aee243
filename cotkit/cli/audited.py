"""`cotkit verify audit`: from verdicts to a table for a person, and from its labels to shares with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.cli.files import as_text

if TYPE_CHECKING:
    import polars as pl

    from cotkit.cli.graded import Names
    from cotkit.verify.audit import Estimate, Labelled, Score

# Columns of an audit file: what a person fills in, and what weighs the row back.
LABEL, POPULATION = "label", "population"
# Longest text shown to a person, in characters; of a response its end.
MAX_SHOWN = 3_000
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "@", "-", "\t", "\r")


@dataclass(frozen=True)
class Decided:
    """A graded row as a person is shown it."""

    row: str
    problem: str
    reference: str
    extracted: str
    response: str
    verdict: str
    method: str
    reason: str


def decided_of_file(path: Path, rows: Sequence[Mapping[str, Any]], names: Names) -> list[Decided]:
    """Whole responses that `cotkit verify FILE --out` graded; raises InputError where there are no verdicts."""
    from cotkit.errors import InputError

    if not any("verdict_method" in row for row in rows):
        raise InputError(f"{path}: no column 'verdict_method'; give a file that `cotkit verify FILE --out` wrote")
    names.require(path, rows, "verdict", "response", "answer")
    return [
        Decided(
            row=str(number),
            problem=as_text(names.get(row, "problem")) or "",
            reference=as_text(names.get(row, "answer")) or "",
            extracted=as_text(row.get("extracted")) or "",
            response=as_text(names.get(row, "response")) or "",
            verdict=as_text(names.get(row, "verdict")) or "undecided",
            method=as_text(row.get("verdict_method")) or "none",
            reason=as_text(row.get("verdict_reason")) or "",
        )
        for number, row in enumerate(rows)
        if (as_text(names.get(row, "status")) or "done") == "done"
    ]


def decided_of_run(run: Path) -> list[Decided]:
    """The last verdicts of a run directory on whole responses; raises InputError where it has none."""
    from cotkit import records
    from cotkit.cli.inspect_ import open_run
    from cotkit.errors import InputError
    from cotkit.recipe.load import load
    from cotkit.records import Problem, Trace, Verdict
    from cotkit.run.directory import LOCK_FILE
    from cotkit.run.plan import inputs_of

    directory = open_run(run)
    steps = load(str(run / LOCK_FILE)).recipe.steps
    judging = [i for i, step in enumerate(steps) if step.writes is Verdict and directory.report(step.name)]
    if not judging:
        raise InputError(f"{run}: no verdicts here yet; run the recipe up to its verify step first")
    makers = {name: step.name for name, step in inputs_of(steps, judging[-1]).items()}
    problems = {p.problem_id: p for p in records.rows(Problem, directory.kept(makers["Problem"]))}
    traces = {(t.problem_id, t.sample): t for t in records.rows(Trace, directory.kept(makers["Trace"]))}
    found = []
    for verdict in records.rows(Verdict, directory.kept(steps[judging[-1]].name)):
        problem, trace = problems.get(verdict.problem_id), traces.get((verdict.problem_id, verdict.sample))
        if trace is None or trace.status != "done":
            continue  # an unfinished response has no answer to label
        found.append(
            Decided(
                row=f"{verdict.problem_id}:{verdict.sample}",
                problem=records.question(problem.problem, problem.choices) if problem is not None else "",
                reference=verdict.reference or "",
                extracted=verdict.extracted or "",
                response=trace.response or "",
                verdict=verdict.verdict,
                method=verdict.method,
                reason=verdict.reason,
            )
        )
    return found


def audit_sample(rows: Sequence[Decided], n: int, seed: int) -> pl.DataFrame:
    """`n` rows to label, as a table; raises RecipeError where n does not cover every verdict and method."""
    import polars as pl

    from cotkit.errors import RecipeError
    from cotkit.verify.audit import Stratum, draw

    strata = [Stratum(row.verdict, row.method) for row in rows]
    kinds = len(set(strata))
    if n < kinds:
        raise RecipeError(
            f"--n {n}: there are {kinds} kinds of verdicts (by verdict and method); give at least {kinds}"
        )
    table = []
    for one in draw(strata, n, seed):
        row = rows[one.index]
        table.append(
            {
                LABEL: "",
                "problem": _cell(row.problem[-MAX_SHOWN:]),
                "reference": _cell(row.reference[:MAX_SHOWN]),
                "extracted": _cell(row.extracted[:MAX_SHOWN]),
                "response_end": _cell(row.response[-MAX_SHOWN:]),
                "row": row.row,
                "verdict": row.verdict,
                "method": row.method,
                "reason": _cell(row.reason),
                POPULATION: one.population,
            }
        )
    return pl.DataFrame(table)


def _cell(text: str) -> str:
    """For a person's eyes only: no spreadsheet may run what a model wrote."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def labelled(path: Path, rows: Sequence[Mapping[str, Any]]) -> list[Labelled]:
    """The rows of an audit file; raises InputError with the row whose label or numbers cannot be read."""
    from cotkit.errors import InputError
    from cotkit.verify.audit import LABELS, Labelled, Stratum

    found = []
    for number, row in enumerate(rows, start=1):
        text = (as_text(row.get(LABEL)) or "").strip().lower()
        label = next((name for name in LABELS if name == text), None)
        if text and label is None:
            raise InputError(f"{path}, row {number}: the label '{text[:40]}' is none of {', '.join(LABELS)}; mend it")
        population = str(row.get(POPULATION))
        if not population.isdecimal() or int(population[:18]) < 1:
            raise InputError(f"{path}, row {number}: '{POPULATION}' is not a number; draw the sample again")
        found.append(Labelled(Stratum(str(row.get("verdict")), str(row.get("method"))), int(population[:18]), label))
    if not any(row.label in ("correct", "incorrect") for row in found):
        raise InputError(f"{path}: no row is labelled yet; fill the column '{LABEL}' with {', '.join(LABELS)}")
    return found


def score_lines(found: Score) -> list[str]:
    """The scores as lines for a terminal."""
    head = f"{'verdict':<10} {'method':<10} {'rows':>9} {'labelled':>9} {'right':>7}   95 %"
    lines = [head]
    for s in found.strata:
        right = _share(s.right) if s.right.value is not None else f"{s.correct} of them correct"
        lines.append(f"{s.stratum.verdict:<10} {s.stratum.method:<10} {s.population:>9,} {s.labelled:>9,} {right}")
    lines += [
        "",
        f"precision {_share(found.precision)}",
        f"recall    {_share(found.recall)}",
        f"accuracy  {_share(found.accuracy)}",
        f"undecided {found.undecided:>7.2%}",
    ]
    if found.open:
        lines.append(f"without a label or unsure: {found.open}")
    unseen = [f"{s.stratum.verdict}/{s.stratum.method}" for s in found.strata if not s.labelled]
    if unseen:
        lines.append(f"left out, since nothing in them is labelled: {', '.join(unseen)}")
    return lines


def _share(estimate: Estimate) -> str:
    if estimate.value is None:
        return "  (nothing labelled)"
    return f"{estimate.value:>7.2%}   {estimate.low:.2%} – {estimate.high:.2%}"
