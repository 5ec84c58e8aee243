"""`cotkit teachers`: the ones that cotkit knows, a look at yours, and a scripted one to rehearse with."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from cotkit.cli.options import Json
from cotkit.cli.output import Output

app = typer.Typer(
    help="Teachers that cotkit knows; a check of one; a scripted one.",
    no_args_is_help=False,
    invoke_without_command=True,
)
_SHOWN = {
    "works": "works",
    "ignored": "taken and ignored: the answer shows nothing of it",
    "refused": "refused",
    "unclear": "cannot be told from its answer; a cut one takes a higher --max-tokens",
}


@app.callback()
def default(context: typer.Context) -> None:
    """Teachers that cotkit knows; a check of one; a scripted one to rehearse with."""
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(as_json: Json = False) -> None:
    """The presets: what each shows of its thinking, where it is found, what it can."""
    from cotkit.distill.presets import presets

    output = Output(as_json)
    known = presets()
    width = max(map(len, known))
    human = [f"{name:<{width}}  {p.reasoning:<7}  {' '.join(p.has):<42}  {p.title}" for name, p in known.items()]
    output.data("\n".join(human), {name: p.model_dump(mode="json") for name, p in known.items()})
    output.next("cotkit teachers show NAME   or   cotkit teachers check --preset NAME --model MODEL")


@app.command()
def show(name: Annotated[str, typer.Argument(help="A preset.")], as_json: Json = False) -> None:
    """All that is known of one preset, and its prices today."""
    from datetime import UTC, datetime

    from cotkit.distill.presets import nearest, presets
    from cotkit.distill.teacher import Teacher
    from cotkit.errors import RecipeError

    preset = presets().get(name)
    if preset is None:
        raise RecipeError(f"there is no teacher preset '{name}'; {nearest(name)}")
    prices = {}
    for model in preset.models:
        teacher = Teacher.model_validate(
            {"preset": name, "model": model, "base_url": preset.base_url or "http://127.0.0.1:8000/v1"}
        )
        quote = teacher.pricing().at(datetime.now(UTC))
        prices[model] = quote.text() if quote is not None else "unpriced"
    human = [
        f"{name}: {preset.title}",
        f"base_url    {preset.base_url or '(yours)'}",
        f"key in      {preset.api_key_env or '(none needed)'}",
        f"shows       {preset.reasoning}" + (f", in {preset.found}" if preset.found else ""),
        f"can         {', '.join(preset.has)}; not: {', '.join(preset.lacks) or '-'}",
        f"ignores     {', '.join((*preset.ignores, *preset.refuses)) or '-'}",
        f"asked with  {dict(preset.extra_body) or '-'}{', streamed' if preset.stream else ''}",
        *(f"price       {model}: {price}" for model, price in prices.items()),
        *(["price       free: it runs on your own machines"] if preset.free else []),
        *(f"note        {note}" for note in preset.notes),
    ]
    Output(as_json).data("\n".join(human), {**preset.model_dump(mode="json"), "prices_today": prices})


@app.command()
def check(
    preset: Annotated[str | None, typer.Option("--preset", help="A teacher that cotkit knows.")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Its address, if the preset has none.")] = None,
    model: Annotated[str, typer.Option("--model", help="The model to ask.")] = "",
    api_key_env: Annotated[str | None, typer.Option("--api-key-env", help="NAME of the variable with the key.")] = None,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Most tokens of an answer.")] = 2000,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds for an answer.")] = 300.0,
    trials: Annotated[
        bool, typer.Option("--trials", help="Also try logprobs, stop and JSON: three more requests.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask one short problem; say where the trace was found, what works, and the price row used.

    Example:

      cotkit teachers check --preset llamacpp --base-url http://127.0.0.1:8080/v1 --model any
    """
    from dataclasses import asdict

    from pydantic import ValidationError

    from cotkit.distill.check import check as look
    from cotkit.distill.teacher import Limits, Teacher
    from cotkit.errors import IncompleteError, RecipeError

    given = {"preset": preset, "base_url": base_url, "model": model, "api_key_env": api_key_env}
    try:
        teacher = Teacher.model_validate({key: value for key, value in given.items() if value is not None})
        limits = Limits(concurrency=1, timeout_s=timeout_s, retries=2)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise RecipeError(f"--{'.'.join(map(str, first['loc'])).replace('_', '-')}: {first['msg']}") from None
    report = look(teacher, limits, max_tokens, trials)
    machine: dict[str, Any] = {**asdict(report), "usd": None if report.usd is None else float(report.usd)}
    tokens = ", ".join(f"{name} {count}" for name, count in report.usage.items() if count is not None)
    human = [
        f"teacher   {teacher.model} at {teacher.base_url}",
        f"status    {report.status}" + ("" if report.latency_s is None else f" after {report.latency_s} s"),
        f"trace     {report.kind}, in {report.found}, {report.reasoning_chars:,} characters"
        if report.found
        else "trace     none was found",
        f"response  {(report.response or '').strip()[:200]}",
        f"usage     {tokens or 'not reported'}",
        f"price     {report.price}" + ("" if report.usd is None else f"; this answer ${report.usd:.6f}"),
        *(f"{name:<9} {_SHOWN[shown]}" for name, shown in report.trials.items()),
    ]
    Output(as_json).data("\n".join(human), machine)
    if report.failure is not None:
        raise IncompleteError(f"no answer came: {report.failure.reason}, {report.failure.message}")


@app.command()
def serve(
    scenario: Annotated[str, typer.Argument(help="A scenario YAML, or a shape: deepseek, vllm, openrouter, …")],
    port: Annotated[int, typer.Option("--port", help="Port on this machine; any free one when left out.")] = 0,
    log: Annotated[
        Path | None, typer.Option("--log", help="Append every request to this file, as JSON Lines, without the key.")
    ] = None,
) -> None:
    """Serve a scripted teacher on this machine, to rehearse a recipe with: it answers, and fails, as told.

    Example:

      cotkit teachers serve deepseek --port 8011
    """
    from cotkit.distill.scripted.scenario import load_scenario
    from cotkit.distill.scripted.server import ScriptedTeacher

    output = Output()
    with ScriptedTeacher(load_scenario(scenario), port, log) as teacher:
        print(teacher.url, flush=True)
        output.next(f"cotkit run RECIPE --set distill.teacher.base_url={teacher.url}   (Ctrl-C ends this)")
        with suppress(KeyboardInterrupt):
            teacher.wait()
