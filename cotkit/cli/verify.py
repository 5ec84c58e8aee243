"""`cotkit verify`: grade a run or a file, explain one pair, audit verdicts against human labels."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cotkit.cli.options import Column, Json, Limit, OutFile, Quiet, Set
from cotkit.cli.output import Output
from cotkit.cli.steps import is_recipe, no_recipe_options, run_room

# What works together with --explain, by parameter name.
_EXPLAIN = (
    *("explain", "reference", "response", "question", "tolerance", "percent", "units", "order", "answers"),
    *("simplified", "policy", "cpu_s", "as_json", "quiet"),
)

Reference = Annotated[
    str | None,
    typer.Option("--reference", metavar="COL", help="With a file: column of the right answers; default answer."),
]
Response = Annotated[
    str | None,
    typer.Option("--response", metavar="COL", help="With a file: column of the responses; default response."),
]
Question = Annotated[
    str | None,
    typer.Option("--question", metavar="COL", help="With a file: column of the problems; default problem."),
]


def verify(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE|FILE", help="A recipe (path or shipped name), or a file of rows.", show_default=False
        ),
    ] = None,
    out: OutFile = None,
    reference: Reference = None,
    response: Response = None,
    question: Question = None,
    choices: Annotated[
        str | None,
        typer.Option("--choices", metavar="COL", help="With a file: column of the options; default choices."),
    ] = None,
    tests: Annotated[
        str | None,
        typer.Option("--tests", metavar="COL", help="With a file: column of the tests of programs; default tests."),
    ] = None,
    column: Column = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show how one pair is graded: --reference, --response and --question are then the texts themselves, "
            "and --response - reads the response from stdin.",
        ),
    ] = False,
    tolerance: Annotated[
        float | None, typer.Option("--tolerance", help="With a file: relative difference of equal numbers.")
    ] = None,
    percent: Annotated[
        Literal["either", "value"] | None,
        typer.Option("--percent", help="With a file: whether 50 may stand for 50% (either) or not (value)."),
    ] = None,
    units: Annotated[
        Literal["optional", "required"] | None,
        typer.Option("--units", help="With a file: whether a unit may be missing on one side."),
    ] = None,
    order: Annotated[
        Literal["free", "kept"] | None,
        typer.Option("--order", help="With a file: whether lists without brackets have an order."),
    ] = None,
    answers: Annotated[
        Literal["all", "any"] | None,
        typer.Option("--answers", help="With a file: of several right answers, all must be given or any one."),
    ] = None,
    simplified: Annotated[
        bool | None,
        typer.Option("--simplified/--unsimplified", help="With a file: whether 2/4 for 1/2 is incorrect."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="With a file: a YAML file of policy keys; options go over it."),
    ] = None,
    cpu_s: Annotated[
        float, typer.Option("--cpu", metavar="SECONDS", help="With a file: CPU time that one answer may take.")
    ] = 1.0,
    workers: Annotated[
        int | None, typer.Option("--workers", help="With a file: processes that grade; default one a processor.")
    ] = None,
    limit: Limit = None,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Grade answers: correct, incorrect or undecided, each with the method and the reason.

    A file needs columns for the response and the reference answer.

    Subcommand: audit, which checks verdicts against human labels (`cotkit verify audit --help`).

    Examples:

      cotkit verify my.yaml

      cotkit verify answers.jsonl --response completion --reference gold --question problem --out graded.jsonl

      cotkit verify --explain --reference '1/2' --response 'so it is \\boxed{0.5}'

      cotkit verify audit graded.jsonl --n 60 --out audit.csv
    """
    from cotkit.cli import files, graded
    from cotkit.errors import RecipeError

    output = Output(as_json, quiet)
    if target is not None and not explain and is_recipe(target):
        return run_room(context, "verify", target, out, limit, set_, output)
    options = {
        **{"tolerance": tolerance, "percent": percent, "units": units},
        **{"order": order, "answers": answers, "simplified": simplified},
    }
    given = {key: value for key, value in options.items() if value is not None}
    if explain:
        _only_explain(context)
        rules = graded.policy(policy, given)
        return _explain(reference, response, question, rules, graded.grader(rules, cpu_s, None).cpu_s, output)
    if target is None:
        raise RecipeError("cotkit verify needs a recipe or a file, or --explain with --reference and --response")
    no_recipe_options(target, limit, set_, (out,), () if policy is None else (policy,))
    own = {"answer": reference, "response": response, "problem": question, "choices": choices, "tests": tests}
    names = graded.columns(column, own)
    step = graded.grader(graded.policy(policy, given), cpu_s, workers)
    table = graded.graded(Path(target), names, limit, step, output)
    files.deliver_rows(table, out, output, f"cotkit select {out}" if out else "")


def _only_explain(context: typer.Context) -> None:
    """An option that --explain does not heed must not be ignored in silence."""
    from cotkit.errors import RecipeError

    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in _EXPLAIN:
            name = parameter.opts[0] if parameter.opts[0].startswith("-") else "a recipe or file"
            raise RecipeError(f"--explain grades one pair and does not go with {name}; leave one of them out")


def _explain(
    reference: str | None, response: str | None, question: str | None, policy: Any, cpu_s: float, output: Output
) -> None:
    from cotkit.errors import RecipeError
    from cotkit.verify.explain import explain, lines
    from cotkit.verify.pool import Pool

    if reference is None or response is None:
        raise RecipeError("--explain needs --reference TEXT and --response TEXT (or --response - to read stdin)")
    if response == "-":
        response = sys.stdin.buffer.read().decode("utf-8", "replace")
    with Pool(1, cpu_s) as pool:
        told = explain(reference, response, question=question, policy=policy, pool=pool)
    output.data("\n".join(lines(told)), asdict(told))


def audit(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|FILE",
            help="A run directory or a file that `cotkit verify` wrote, to draw from; or a labelled audit file.",
        ),
    ],
    n: Annotated[int, typer.Option("--n", metavar="N", help="How many rows to draw.")] = 60,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write the drawn rows (.csv, .jsonl, .json, .parquet)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws other rows.")] = 0,
    reference: Reference = None,
    response: Response = None,
    question: Question = None,
    column: Column = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check verdicts against human labels: draw a sample, have it labelled, compute precision and recall.

    The sample holds whole responses of every verdict and method. Is the response's final answer right? Fill the column
    `label` with correct, incorrect or unsure, then give the file to the same command.

    Examples:

      cotkit verify audit runs/quickstart --n 60 --out audit.csv

      cotkit verify audit audit.csv
    """
    from cotkit.cli import audited, files, graded
    from cotkit.errors import RecipeError
    from cotkit.verify.audit import score

    output = Output(as_json, quiet)
    names = graded.columns(column, {"answer": reference, "response": response, "problem": question})
    if target.is_dir():
        decided = audited.decided_of_run(target)
    else:
        rows = files.read_rows(target, None)
        if all({audited.LABEL, audited.POPULATION} <= row.keys() for row in rows):
            if out is not None:
                raise RecipeError(f"{target}: this is an audit file; --out is for drawing one from a run or a file")
            found = score(audited.labelled(target, rows))
            return output.data("\n".join(audited.score_lines(found)), asdict(found))
        decided = audited.decided_of_file(target, rows, names)
    if out is None:
        raise RecipeError("cotkit verify audit needs --out FILE for the rows to label, such as audit.csv")
    files.check_outputs((out,), (target,))
    if out.exists():
        raise RecipeError(f"{out}: the file is there already and may hold labels; give another name or remove it")
    if not decided:
        raise RecipeError(f"{target}: there are no verdicts to draw from")
    files.write(out, audited.audit_sample(decided, n, seed))
    output.data(str(out), {"out": str(out), "rows": min(n, len(decided))})
    output.next(f"fill the column '{audited.LABEL}' of {out}, then: cotkit verify audit {out}")
