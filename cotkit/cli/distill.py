"""`cotkit distill`: up to the distill step of a recipe, on a file of problems, or on a file of your own prompts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotkit.cli.options import Column, Dropped, Json, Limit, OutFile, Quiet, Set, Target, Yes
from cotkit.cli.output import Output
from cotkit.cli.steps import is_recipe, no_recipe_options, run_room

if TYPE_CHECKING:
    from cotkit.distill.ask_file import Job, Result
    from cotkit.distill.step import Distill
    from cotkit.distill.traces import Told
    from cotkit.steps import StepOutput


def distill(
    context: typer.Context,
    target: Target,
    out: OutFile = None,
    dropped: Dropped = None,
    column: Column = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="With a file: own prompts; the column that names a row.")
    ] = None,
    prompt_column: Annotated[
        str | None,
        typer.Option("--prompt-column", help="With a file: own prompts; a text, or a list of chat messages."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template", help="With a file: own prompts; none (as they are), default, or text with {problem}."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", help="With a file: a teacher that cotkit knows; `cotkit teachers` lists them."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="With a file: the teacher's OpenAI-compatible endpoint.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="With a file: the teacher's model name.")] = None,
    api_key_env: Annotated[
        str | None,
        typer.Option("--api-key-env", help="With a file: NAME of the variable that holds the key."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", min=1, help="With a file: answers to ask for each problem.")] = 1,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=10_000, help="With a file: requests in flight.")
    ] = 8,
    temperature: Annotated[
        float | None, typer.Option("--temperature", help="With a file: sampling temperature.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="With a file: most tokens of an answer.")
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", help="With a file: seconds for one answer, from send to last byte.")
    ] = None,
    retries: Annotated[
        int | None, typer.Option("--retries", min=0, help="With a file: further attempts after a passing fault.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="With a file: ask for streamed answers.")] = False,
    budget_usd: Annotated[
        str | None, typer.Option("--budget-usd", metavar="USD", help="With a file: stop before more is spent.")
    ] = None,
    budget_tokens: Annotated[
        int | None, typer.Option("--budget-tokens", help="With a file: stop before more tokens are used.")
    ] = None,
    retry_refused: Annotated[
        bool, typer.Option("--retry-refused", help="With a file: ask again what the teacher refused before.")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="With a file: where paid answers are kept; default FILE.journal.sqlite."),
    ] = None,
    limit: Limit = None,
    set_: Set = None,
    yes: Yes = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask a teacher; every answer is kept in a journal and never paid twice.

    A file of problems gets rows of problems with traces. A JSONL file of your own prompts (columns id and prompt)
    gets a row a sample: id, sample, reasoning, response, finish_reason, usage, status.

    Examples:

      cotkit distill my.yaml --limit 20

      cotkit distill problems.jsonl --base-url http://127.0.0.1:8000/v1 --model r1 --samples 4 --out answers.jsonl

      cotkit distill prompts.jsonl --preset deepseek --model deepseek-v4-pro --concurrency 64 --out answers.jsonl
    """
    output = Output(as_json, quiet, yes)
    from cotkit.distill.paid import must_be_a_file

    if not Path(target).is_dir():
        must_be_a_file(Path(target))
    if is_recipe(target):
        return run_room(context, "distill", target, out, limit, set_, output)
    from cotkit.errors import RecipeError

    no_recipe_options(target, limit, set_, (out, dropped))
    if model is None or (base_url is None and preset is None):
        raise RecipeError(
            "cotkit distill FILE needs a teacher: give --base-url URL (or --preset NAME) and --model NAME"
        )
    asked = Asked(
        {"preset": preset, "base_url": base_url, "model": model, "api_key_env": api_key_env, "stream": stream or None},
        {"temperature": temperature, "max_tokens": max_tokens},
        {
            "concurrency": concurrency,
            "timeout_s": timeout_s,
            "retries": retries,
            "retry_refused": retry_refused or None,
        },
        {"usd": budget_usd, "tokens": budget_tokens},
        samples,
        (journal or Path(f"{target}.journal.sqlite")).resolve(),
    )
    own = {"id_column": id_column, "prompt_column": prompt_column, "template": template}
    if any(value is not None for value in own.values()) or (column is None and _looks_like_prompts(Path(target))):
        if column or dropped:
            raise RecipeError("--column and --dropped are for files of problems; own prompts have --prompt-column")
        return _ask_prompts(Path(target), out, asked, own, limit, output)
    from cotkit.cli import files
    from cotkit.distill.paid import spare

    for written in (out, dropped):
        spare(written, asked.journal, Path(target))
    problems = files.read_problems(Path(target), column, limit, output)
    result = _distilled(problems, asked.step(), output)
    files.deliver(result, out, dropped, output, f"cotkit verify {out}" if out else "")
    refuse_incomplete(result)


@dataclass(frozen=True)
class Asked:
    """The options as the parts of a distill step; None is left out."""

    teacher: Mapping[str, Any]
    sampling: Mapping[str, Any]
    limits: Mapping[str, Any]
    budget: Mapping[str, Any]
    samples: int
    journal: Path

    def step(self) -> Distill:
        """Raises RecipeError for what the distill step refuses."""
        from pydantic import ValidationError

        from cotkit.distill.step import Distill
        from cotkit.errors import RecipeError

        budget = _some(self.budget)
        data = {
            "step": "distill",
            "name": "distill",
            "teacher": _some(self.teacher),
            "sampling": _some(self.sampling),
            "samples": self.samples,
            "limits": _some(self.limits),
            "budget": budget or None,
            "journal": str(self.journal),
        }
        try:
            step = Distill.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise RecipeError(f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}") from error
        if step.unpriced_budget():
            raise RecipeError(
                f"--budget-usd is set, but the price of {step.teacher.model} is unknown; give --budget-tokens, or a "
                "recipe with teacher.price"
            )
        for sentence in step.check():
            raise RecipeError(sentence)
        return step


def _some(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _looks_like_prompts(path: Path) -> bool:
    """A JSONL file whose first row has a prompt and no problem."""
    if path.suffix not in (".jsonl", ".ndjson"):
        return False
    with suppress(OSError, ValueError), path.open(encoding="utf-8-sig") as lines:
        row = json.loads(next((line for line in lines if line.strip()), "null"))
        return isinstance(row, dict) and "prompt" in row and "problem" not in row
    return False


def _ask_prompts(
    path: Path, out: Path | None, asked: Asked, own: Mapping[str, str | None], limit: int | None, output: Output
) -> None:
    from cotkit.distill.ask_file import Job
    from cotkit.errors import RecipeError

    if out is not None and out.suffix not in (".jsonl", ".ndjson"):
        raise RecipeError(f"{out}: answers to own prompts are written as JSON Lines; give a name that ends in .jsonl")
    template = own["template"]
    if template is not None and template not in ("none", "default") and "{problem}" not in template:
        raise RecipeError(f"--template {template}: give none, default, or a text with {{problem}} in it")
    step = asked.step()
    job = Job(
        path,
        step.teacher,
        step.sampling,
        step.limits,
        asked.journal,
        step.samples,
        limit=limit,
        budget=step.budget,
        **_some(own),
    )
    result = _with_bar(job, out, output)
    counts = ", ".join(f"{name} {count:,}" for name, count in result.statuses.most_common())
    usd = "unpriced" if result.usd is None else f"${result.usd:.4f}"
    output.say(f"{result.rows:,} answers: {counts} · {result.tally.requests:,} requests sent · {usd}")
    if out is not None:
        machine = {
            "answers": str(out),
            "rows": result.rows,
            "statuses": dict(result.statuses),
            "reasons": dict(result.reasons),
            "requests": result.tally.requests,
            "journaled": result.tally.journaled,
            "usd": None if result.usd is None else float(result.usd),
        }
        output.data(str(out), machine)
    _refuse_missing(result)


def _with_bar(job: Job, out: Path | None, output: Output) -> Result:
    from cotkit.distill.ask_file import ask_file, read_prompts

    total = sum(1 for _ in read_prompts(job)) * job.samples
    with output.task("distill", total) as task:

        def advance(told: Told) -> None:
            task.advance(1, tokens=told.trace.completion_tokens or 0, usd=told.trace.cost_usd or 0.0)

        return ask_file(job, out, confirm=output.confirm, note=output.warn, advance=advance)


def _refuse_missing(result: Result) -> None:
    """An exit code other than 0 where anything is missing, with the counts by cause."""
    from cotkit.errors import IncompleteError

    missing = sum(result.reasons.values())
    if not missing:
        return
    causes = ", ".join(f"{reason} {count:,}" for reason, count in result.reasons.most_common())
    again = "run the same command again to ask these alone"
    if not result.passing:
        again = "the teacher refuses these for good; --retry-refused asks them again"
    raise IncompleteError(f"{missing:,} of {result.rows:,} have no answer ({causes}); {again}")


def _distilled(problems: StepOutput, step: Distill, output: Output) -> StepOutput:
    """Traces beside the problem's own columns, so that `cotkit verify` can read the result."""
    import polars as pl

    from cotkit.cli.files import run_step
    from cotkit.records import Problem, dropped_frame
    from cotkit.steps import StepOutput

    table = problems.kept
    first = table["problem_id"].is_first_distinct().to_list()
    repeats = [i for i, is_first in enumerate(first) if not is_first]
    again = dropped_frame(table, repeats, ["repeated_problem"] * len(repeats), [{}] * len(repeats))
    unique = table.filter(table["problem_id"].is_first_distinct())
    result = run_step(step, {Problem: unique}, output)
    columns = unique.drop("tests")
    return StepOutput(
        kept=result.kept.join(columns, on="problem_id", how="left", maintain_order="left"),
        dropped=pl.concat([problems.dropped, again, result.dropped], how="diagonal"),
        counters=result.counters,
        incomplete=result.incomplete,
    )


def refuse_incomplete(result: StepOutput) -> None:
    from cotkit.errors import IncompleteError

    if result.incomplete:
        raise IncompleteError(
            f"{result.incomplete} requests failed for a passing reason; run the same command again to ask these alone"
        )
