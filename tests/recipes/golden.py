"""Golden miniatures: a small hand-made pool runs through a shipped recipe, and every row meets its planted fate.

A file tests/recipes/golden/NAME.yaml holds

    sources:      name of a source in the recipe -> its rows, in the upstream's own columns, each with an `_id`
    benchmarks:   name of a benchmark -> its items (problem, answer); one left out gets an item like nothing else
    models:       name of a model -> what it says (cotkit.distill.scripted.Scenario); each has a server of its own.
                  Requests go one at a time, so `attempt` of a reply is the sample where no seed is sent
    set:          overrides that a miniature needs beside those made here (sizes; ./ is the folder of this file,
                  TMP a fresh one)
    expect:       name of a recipe -> what comes of it:
        dropped:  step -> {_id, or _id/sample: reason}; what is not listed must be kept
        verdicts: {_id, or _id/sample: verdict} by the last table of verdicts; _id alone is sample 0
        columns:  step -> {_id: {column: value}} of its kept rows, for what a step fills in
        rows:     the published rows, in order
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.recipe.load import Loaded, load
from cotkit.recipe.lock import resolved
from cotkit.run.directory import RunDirectory

FOLDER = Path(__file__).parent / "golden"
_FILLER = {
    "problem": "How many golden miniatures does a cartographer of clouds paint on a rainy Thursday?",
    "answer": "0",
}


@dataclass(frozen=True)
class Miniature:
    """One file, read."""

    path: Path
    sources: Mapping[str, list[dict[str, Any]]]
    benchmarks: Mapping[str, list[dict[str, Any]]]
    models: Mapping[str, Scenario]
    set: Mapping[str, Any]
    expect: Mapping[str, Mapping[str, Any]]


def read(path: Path) -> Miniature:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(data) <= {"sources", "benchmarks", "models", "set", "expect"}, sorted(data)
    models = {name: Scenario.model_validate(said) for name, said in data.get("models", {}).items()}
    found = Miniature(path, data["sources"], data.get("benchmarks", {}), models, data.get("set", {}), data["expect"])
    ids = [row["_id"] for rows in found.sources.values() for row in rows]
    assert len(set(ids)) == len(ids), "two rows have one _id"
    return found


@contextmanager
def prepared(mini: Miniature, name: str, folder: Path) -> Iterator[list[str]]:
    """The options, as for --set, under which the recipe reads the miniature; its models are served meanwhile."""
    with ExitStack() as stack:
        teachers = {model: stack.enter_context(ScriptedTeacher(said)) for model, said in mini.models.items()}
        own = [f"{key}={json.dumps(_placed(value, folder))}" for key, value in mini.set.items()]
        options = [
            *own,
            *_inputs(mini, name, own, folder),
            *_served(name, own, {m: t.url for m, t in teachers.items()}),
        ]
        yield options


def _placed(value: Any, folder: Path) -> Any:
    if not isinstance(value, str):
        return value
    return str(FOLDER / value) if value.startswith("./") else value.replace("TMP", str(folder))


def _inputs(mini: Miniature, name: str, own: list[str], folder: Path) -> list[str]:
    """Sources read the pool, benchmarks their items."""
    options, unused = [], {*mini.sources, *(f"benchmark {b}" for b in mini.benchmarks)}
    for step in load(name, own).recipe.steps:
        for source in getattr(step, "sources", ()):
            assert source.name in mini.sources, f"the miniature has no rows for the source {source.name}"
            unused.discard(source.name)
            path = _write(folder / f"{source.name}.jsonl", mini.sources[source.name])
            options.append(f"{step.name}.sources.{source.name}.path={path}")
        if benchmarks := getattr(step, "benchmarks", ()):
            items = {b.name: mini.benchmarks.get(b.name, [_FILLER]) for b in benchmarks}
            unused -= {f"benchmark {b}" for b in items}
            files = {b: _write(folder / f"benchmark-{b}.jsonl", rows) for b, rows in items.items()}
            value = [{"kind": "file", "name": b, "path": str(path)} for b, path in files.items()]
            options.append(f"{step.name}.benchmarks={json.dumps(value)}")
    if name == next(iter(mini.expect)):
        assert not unused, f"nothing reads {sorted(unused)}"
    return options


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    lines = [json.dumps({k: v for k, v in row.items() if k != "_id"}, ensure_ascii=False) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def _served(name: str, own: list[str], urls: Mapping[str, str]) -> list[str]:
    """Every teacher of the recipe is the scripted model of its name, asked one request at a time."""
    options = []
    recipe = load(name, own).recipe
    for step, data in zip(recipe.steps, resolved(recipe)["steps"], strict=True):
        for path, value in _mappings(data, step.name):
            if "base_url" in value and "model" in value:
                assert value["model"] in urls, f"the miniature has no model {value['model']} (for {path})"
                options += [f"{path}.base_url={urls[value['model']]}", f"{path}.api_key_env=null"]
            if "concurrency" in value:
                options.append(f"{path}.concurrency=1")
    return options


def _mappings(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from _mappings(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mappings(item, f"{path}.{index}")


@dataclass(frozen=True)
class Outcome:
    """What a run made of the rows, in the words of the miniature."""

    dropped: dict[str, dict[str, str]]
    verdicts: dict[str, str]
    columns: dict[str, dict[str, dict[str, Any]]]
    rows: list[str]


def outcome(mini: Miniature, loaded: Loaded, run: RunDirectory) -> Outcome:
    named = {(source, i): row["_id"] for source, rows in mini.sources.items() for i, row in enumerate(rows)}
    by_problem: dict[str, str] = {}
    dropped: dict[str, dict[str, str]] = {}
    verdicts: dict[str, str] = {}
    columns: dict[str, dict[str, dict[str, Any]]] = {}
    rows: list[str] = []
    for step in loaded.recipe.steps:
        kept, gone = run.kept(step.name), run.dropped(step.name)
        for table in (gone, kept):
            if _has_source(table):
                pairs = zip(table["problem_id"], table["source"], table["source_row"], strict=True)
                by_problem.update({problem: named[source, row] for problem, source, row in pairs})
        reasons = dict(zip(_labels(gone, named, by_problem), gone["reason"].to_list(), strict=True))
        if reasons:
            dropped[step.name] = reasons
        labels = _labels(kept, named, by_problem)
        columns[step.name] = dict(zip(labels, kept.to_dicts(), strict=True))
        if "verdict" in kept.columns and "messages" not in kept.columns:
            verdicts = dict(zip(labels, kept["verdict"].to_list(), strict=True))
        rows = labels
    return Outcome(dropped, verdicts, columns, rows)


def _labels(table: pl.DataFrame, named: Mapping[tuple[str, int], str], by_problem: Mapping[str, str]) -> list[str]:
    if _has_source(table):
        ids = [named[key] for key in zip(table["source"], table["source_row"], strict=True)]
    else:
        ids = [by_problem[problem] for problem in table["problem_id"]]
    samples = table["sample"].to_list() if "sample" in table.columns else [0] * len(ids)
    return [f"{i}/{sample}" if sample else i for i, sample in zip(ids, samples, strict=True)]


def _has_source(table: pl.DataFrame) -> bool:
    return {"source", "source_row"} <= set(table.columns)


def differences(expected: Mapping[str, Any], found: Outcome) -> list[str]:
    """What is not as planted, a line each; empty when all is."""
    assert set(expected) <= {"dropped", "verdicts", "columns", "rows"}, sorted(expected)
    lines = []
    for step in sorted({*expected.get("dropped", {}), *found.dropped}):
        lines += _unequal(f"{step} dropped", expected.get("dropped", {}).get(step, {}), found.dropped.get(step, {}))
    lines += _unequal("verdicts", expected.get("verdicts", found.verdicts), found.verdicts)
    for step, wanted in expected.get("columns", {}).items():
        for row, values in wanted.items():
            have = found.columns.get(step, {}).get(row, {})
            lines += _unequal(f"{step} {row}", values, {key: have.get(key, "no such column") for key in values})
    if expected["rows"] != found.rows:
        lines.append(f"rows: planted {expected['rows']}, found {found.rows}")
    return lines


def _unequal(what: str, planted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    keys = sorted({*planted, *found})
    return [
        f"{what} {key}: planted {planted.get(key, 'nothing')!r}, found {found.get(key, 'nothing')!r}"
        for key in keys
        if planted.get(key) != found.get(key)
    ]
