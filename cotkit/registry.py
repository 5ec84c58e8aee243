"""Names a recipe may use -> the classes behind them; one table, extended by entry points.

A third-party package adds a filter named `mine` with

    [project.entry-points."cotkit.filters"]
    mine = "my_package.my_module:MyFilter"

Targets are imported only when a recipe is read; nothing registers itself by being imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from cotkit.errors import RecipeError

BUILTIN: Mapping[str, Mapping[str, str]] = {
    "steps": {
        "pull": "cotkit.curate.pull:Pull",
        "filter": "cotkit.curate.filter:FilterStep",
        "sample": "cotkit.curate.sample:Sample",
        "dedup": "cotkit.dedup.step:Dedup",
        "decontaminate": "cotkit.dedup.step:Decontaminate",
        "distill": "cotkit.distill.step:Distill",
        "verify": "cotkit.verify.step:Verify",
        "select": "cotkit.curate.select:Select",
        "publish": "cotkit.curate.publish:Publish",
        "push": "cotkit.curate.push:Push",
    },
    "sources": {
        "file": "cotkit.curate.sources.file:FileSource",
        "hub": "cotkit.curate.sources.hub:HubSource",
    },
    "filters": {
        "length": "cotkit.curate.filters.length:Length",
        "gradable": "cotkit.curate.filters.gradable:Gradable",
        "no_figure": "cotkit.curate.filters.no_figure:NoFigure",
        "no_proof": "cotkit.curate.filters.no_proof:NoProof",
    },
    "choosers": {
        "first": "cotkit.curate.choosers:First",
        "shortest": "cotkit.curate.choosers:Shortest",
        "longest": "cotkit.curate.choosers:Longest",
    },
    "exporters": {
        "messages": "cotkit.curate.exporters.messages:Messages",
    },
}


def _load(target: str) -> type:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]


@cache
def _plugins(group: str) -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"cotkit.{group}")}


def names(group: str) -> list[str]:
    """All names of a group, built-in ones first."""
    return [*BUILTIN[group], *(name for name in _plugins(group) if name not in BUILTIN[group])]


def lookup(group: str, name: str) -> type:
    """The class behind a name.

    Raises RecipeError for a plug-in that cannot be imported, since the recipe depends on it.
    """
    if name in BUILTIN[group]:
        return _load(BUILTIN[group][name])
    point = _plugins(group)[name]
    try:
        return point.load()  # type: ignore[no-any-return]
    except Exception as error:
        raise RecipeError(
            f"the plug-in '{name}' ({point.value}) of {group} cannot be imported: {error}; "
            f"reinstall or remove the package that declares it"
        ) from error


class Registered:
    """Annotation: any registered class of a group, told apart by the value of one key.

    `Annotated[Filter, Registered("filters", "name")]` accepts every registered filter and gives a
    JSON Schema that lists them all.
    """

    def __init__(self, group: str, tag: str) -> None:
        self.group = group
        self.tag = tag

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[str, CoreSchema] = {}
        for name in names(self.group):
            cls = lookup(self.group, name)
            field = cls.model_fields[self.tag]  # type: ignore[attr-defined]
            if name not in get_args(field.annotation):
                raise RecipeError(
                    f"the class {cls.__qualname__} is registered in {self.group} as '{name}' but its key "
                    f"'{self.tag}' does not accept that value; annotate it Literal[\"{name}\"]"
                )
            choices[name] = handler.generate_schema(cls)
        return core_schema.tagged_union_schema(choices, discriminator=self.tag)
