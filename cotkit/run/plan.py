"""Which steps will run, and why: the question that --dry-run, `status` and the runner all ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotkit.recipe.lock import resolved
from cotkit.recipe.models import Recipe
from cotkit.run import key
from cotkit.run.directory import RunDirectory
from cotkit.run.facts import Fact, fact
from cotkit.run.funnel import Entry, told
from cotkit.steps import Step

Pins = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Planned:
    """One step of a plan.

    Attributes:
        why: empty for a step whose result stands; else why it runs, a phrase each.
        report: its last report, if there is a whole one.
        parts: parts of its cache key; inputs that a step before it has still to make are missing.
        certain: False where the answer depends on what a step before it will make.
    """

    step: Step
    number: int
    why: tuple[str, ...]
    report: dict[str, Any] | None
    parts: key.Components
    certain: bool = True


@dataclass
class Before:
    """What the steps before one have made: digest of the kept rows by step, the funnel and the facts so far."""

    digests: dict[str, str] = field(default_factory=dict)
    funnel: list[Entry] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def add(self, name: str, report: Mapping[str, Any]) -> None:
        self.digests[name] = report["files"]["kept.parquet"]["sha256"]
        self.funnel.append({**report["funnel"], "seconds": report["seconds"]})
        self.facts.append(fact(report))


def inputs_of(steps: Sequence[Step], index: int) -> dict[str, Step]:
    """Input table name -> the nearest step before `index` that writes it."""
    found: dict[str, Step] = {}
    for row in steps[index].reads:
        makers = [step for step in steps[:index] if step.writes is row]
        found[row.__name__] = makers[-1]
    return found


def plan_step(
    recipe: Recipe, index: int, directory: RunDirectory, pins: Pins, before: Before, forced: bool = False
) -> Planned:
    """The plan of one step, given what the steps before it have made."""
    step = recipe.steps[index]
    inputs = {row: before.digests.get(maker.name, "") for row, maker in inputs_of(recipe.steps, index).items()}
    parts = key.components(step, recipe.seed, inputs, pins.get(step.name, {}))
    if step.tells_story:
        parts["input recipe"] = key.digest(resolved(recipe))
        parts["input funnel"] = key.digest([told(line) for line in before.funnel])
        parts["input facts"] = key.digest(before.facts)
    report = directory.report(step.name)
    why: tuple[str, ...] = ()
    if report is None:
        why = ("it has not run yet",)
    elif report["key"] != key.key_of(parts):
        why = tuple(key.changes(report["parts"], parts))
    elif report["funnel"]["incomplete"]:
        why = (f"{report['funnel']['incomplete']} rows failed for a passing reason",)
    elif forced:
        why = ("asked for",)
    return Planned(step, index + 1, why, report, parts)


def plan(recipe: Recipe, directory: RunDirectory, pins: Pins, forced_from: int | None = None) -> list[Planned]:
    """The plan of all steps as far as it can be told before any of them runs."""
    planned: list[Planned] = []
    before = Before()
    for index, step in enumerate(recipe.steps):
        forced = forced_from is not None and index >= forced_from
        one = plan_step(recipe, index, directory, pins, before, forced)
        waits = [m.name for m in inputs_of(recipe.steps, index).values() if m.name not in before.digests]
        if waits:
            one = Planned(step, index + 1, (f"after {', '.join(dict.fromkeys(waits))}",), one.report, one.parts, False)
        elif not one.why and one.report is not None:
            before.add(step.name, one.report)
        planned.append(one)
    return planned
