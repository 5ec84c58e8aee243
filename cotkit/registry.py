"""Names a recipe may use -> the classes behind them; one table, extended by entry points.

A third-party package adds a filter named `mine` with

    [project.entry-points."cotkit.filters"]
    mine = "my_package.my_module:MyFilter"

A target is imported when a recipe names it; nothing registers itself by being imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from cotkit.errors import RecipeError

BUILTIN: Mapping[str, Mapping[str, str]] = {
    "steps": {
        "pull": "cotkit.curate.pull:Pull",
        "extract": "cotkit.curate.extract:Extract",
        "filter": "cotkit.curate.filter:FilterStep",
        "sample": "cotkit.curate.sample:Sample",
        "features": "cotkit.curate.features:Features",
        "dedup": "cotkit.dedup.step:Dedup",
        "decontaminate": "cotkit.dedup.step:Decontaminate",
        "import": "cotkit.curate.import_step:Import",
        "distill": "cotkit.distill.step:Distill",
        "construct": "cotkit.distill.construct:Construct",
        "verify": "cotkit.verify.step:Verify",
        "judge": "cotkit.verify.judge:Judge",
        "score": "cotkit.verify.score:ScoreStep",
        "select": "cotkit.curate.select:Select",
        "choose": "cotkit.curate.choose:Choose",
        "translate": "cotkit.curate.translate:Translate",
        "trim": "cotkit.curate.trim:Trim",
        "publish": "cotkit.curate.publish:Publish",
        "push": "cotkit.curate.push:Push",
    },
    "engines": {
        "local": "cotkit.run.engines.local:Local",
        "ray": "cotkit.run.engines.ray:Ray",
    },
    "sources": {
        "file": "cotkit.curate.sources.file:FileSource",
        "hub": "cotkit.curate.sources.hub:HubSource",
        "gym": "cotkit.curate.sources.gym:GymSource",
        "preset": "cotkit.curate.sources.preset:PresetSource",
    },
    "filters": {
        "length": "cotkit.curate.filters.length:Length",
        "answered": "cotkit.curate.filters.answered:Answered",
        "gradable": "cotkit.curate.filters.gradable:Gradable",
        "no_figure": "cotkit.curate.filters.no_figure:NoFigure",
        "no_proof": "cotkit.curate.filters.no_proof:NoProof",
        "no_multi_part": "cotkit.curate.filters.no_multi_part:NoMultiPart",
        "no_options": "cotkit.curate.filters.no_options:NoOptions",
        "no_url": "cotkit.curate.filters.no_url:NoUrl",
        "integer_answer": "cotkit.curate.filters.integer_answer:IntegerAnswer",
        "unsolved": "cotkit.curate.filters.unsolved:Unsolved",
        "weak_rate": "cotkit.curate.filters.weak_rate:WeakRateBand",
        "language": "cotkit.curate.filters.language:Language",
        "s1_quality": "cotkit.curate.filters.s1_quality:S1Quality",
        "openthoughts_math": "cotkit.curate.filters.openthoughts_math:OpenThoughtsMath",
        "openthoughts_code": "cotkit.curate.filters.openthoughts_code:OpenThoughtsCode",
        "numina_valid": "cotkit.curate.filters.numina_valid:NuminaValid",
        "deepscaler": "cotkit.curate.filters.deepscaler:DeepScaler",
        "big_math": "cotkit.curate.filters.big_math:BigMath",
        "band": "cotkit.curate.filters.band:Band",
        "mentions": "cotkit.curate.filters.mentions:Mentions",
    },
    "trace_filters": {
        "truncated": "cotkit.curate.trace_filters.truncated:Truncated",
        "empty_reasoning": "cotkit.curate.trace_filters.reasoning:EmptyReasoning",
        "unclosed_reasoning": "cotkit.curate.trace_filters.reasoning:UnclosedReasoning",
        "refusal": "cotkit.curate.trace_filters.refusal:Refusal",
        "loop": "cotkit.curate.trace_filters.loop:Loop",
        "language_mix": "cotkit.curate.trace_filters.language_mix:LanguageMix",
        "long_paragraph": "cotkit.curate.trace_filters.long_paragraph:LongParagraph",
        "code_block": "cotkit.curate.trace_filters.code_block:CodeBlock",
        "answer_mismatch": "cotkit.curate.trace_filters.answer_mismatch:AnswerMismatch",
        "format": "cotkit.curate.trace_filters.format:Format",
        "rationalized": "cotkit.curate.trace_filters.rationalized:Rationalized",
        "score": "cotkit.curate.trace_filters.score:ScoreBand",
    },
    "scorers": {
        "r1_zero": "cotkit.verify.scorers.rules:R1Zero",
        "deepscaler": "cotkit.verify.scorers.rules:DeepScaler",
        "open_r1": "cotkit.verify.scorers.rules:OpenR1",
        "cosine": "cotkit.verify.scorers.lengths:Cosine",
        "k15_length": "cotkit.verify.scorers.lengths:K15Length",
        "advantage": "cotkit.verify.scorers.advantage:Advantage",
        "repetition": "cotkit.verify.scorers.repetition:Repetition",
        "patterns": "cotkit.verify.scorers.patterns:Patterns",
        "reflection": "cotkit.curate.reflection:Reflection",
        "quoted_numbers": "cotkit.verify.scorers.quoted:QuotedNumbers",
        "prm": "cotkit.verify.scorers.prm:Prm",
        "http": "cotkit.verify.scorers.external:External",
    },
    "choosers": {
        "first": "cotkit.curate.choosers:First",
        "shortest": "cotkit.curate.choosers:Shortest",
        "picked": "cotkit.curate.choosers:Picked",
        "longest": "cotkit.curate.choosers:Longest",
        "limo": "cotkit.curate.choosers:Limo",
        "score": "cotkit.curate.choosers:ByScore",
    },
    "selectors": {
        "random": "cotkit.curate.selectors.simple:Random",
        "top": "cotkit.curate.selectors.simple:Top",
        "score": "cotkit.curate.selectors.simple:ByScore",
        "failing": "cotkit.curate.selectors.simple:Failing",
        "quota": "cotkit.curate.selectors.simple:Quota",
        "s1": "cotkit.curate.selectors.s1:S1",
        "openthoughts3": "cotkit.curate.selectors.openthoughts3:OpenThoughts3",
        "k_center": "cotkit.curate.selectors.diverse:KCenter",
        "clusters": "cotkit.curate.selectors.diverse:Clusters",
    },
    "strategies": {
        "self_correct": "cotkit.distill.strategies.self_correct:SelfCorrect",
        "star": "cotkit.distill.strategies.star:Star",
        "budget_force": "cotkit.distill.strategies.budget_force:BudgetForce",
        "reflect": "cotkit.distill.strategies.reflect:Reflect",
        "steps_json": "cotkit.distill.strategies.steps_json:StepsJson",
        "rewrite": "cotkit.distill.strategies.rewrite:Rewrite",
        "template": "cotkit.distill.strategies.template:ByTemplate",
        "critique_loop": "cotkit.distill.strategies.critique_loop:CritiqueLoop",
        "best_of_n": "cotkit.distill.strategies.best_of_n:BestOfN",
        "beam": "cotkit.distill.strategies.beam:Beam",
        "dvts": "cotkit.distill.strategies.beam:Beam",
        "rstar": "cotkit.distill.strategies.rstar:RStar",
        "truncate_recomplete": "cotkit.distill.strategies.recomplete:TruncateRecomplete",
        "marco_o1": "cotkit.distill.strategies.marco_o1:MarcoO1",
        "mutual_consistency": "cotkit.distill.strategies.consistency:MutualConsistency",
        "journey": "cotkit.distill.strategies.journey:Journey",
    },
    "exporters": {
        "messages": "cotkit.curate.exporters.messages:Messages",
        "prompt_completion": "cotkit.curate.exporters.prompt_completion:PromptCompletion",
        "sharegpt": "cotkit.curate.exporters.sharegpt:ShareGpt",
        "alpaca": "cotkit.curate.exporters.alpaca:Alpaca",
        "s1": "cotkit.curate.exporters.s1:S1",
        "s1k_1_1": "cotkit.curate.exporters.s1k_1_1:S1K11",
        "r1": "cotkit.curate.exporters.texts:R1",
        "r1_zero": "cotkit.curate.exporters.texts:R1Zero",
        "still": "cotkit.curate.exporters.still:Still",
        "text": "cotkit.curate.exporters.texts:Text",
        "axolotl": "cotkit.curate.exporters.axolotl:Axolotl",
        "verl": "cotkit.curate.exporters.verl:Verl",
        "preference": "cotkit.curate.exporters.preference:Preference",
        "openr1": "cotkit.curate.exporters.openr1:OpenR1",
    },
}

# Where a choice of a union keeps what finds its class.
_CLASS = "cotkit_class"


def _load(target: str) -> type:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]


@cache
def _plugins(group: str) -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"cotkit.{group}")}


def names(group: str) -> list[str]:
    """All names of a group, built-in ones first."""
    taken = [name for name in _plugins(group) if name in BUILTIN[group]]
    if taken:
        raise RecipeError(
            f"the plug-in {_plugins(group)[taken[0]].value} is called '{taken[0]}' like one of cotkit's own {group}; "
            f"give it another name"
        )
    return [*BUILTIN[group], *_plugins(group)]


def lookup(group: str, name: str) -> type:
    """The class behind a name.

    Raises RecipeError for a plug-in that cannot be imported.
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

    `Annotated[Filter, Registered("filters", "name")]` accepts every registered filter; WithRegistered makes the
    JSON Schema that lists them all.
    """

    def __init__(self, group: str, tag: str) -> None:
        self.group = group
        self.tag = tag

    def _class(self, name: str, base: Any) -> type[BaseModel]:
        """The class, if it is what its group and its name promise; else RecipeError."""
        cls = lookup(self.group, name)
        if not (isinstance(cls, type) and issubclass(cls, base)):
            raise RecipeError(
                f"the plug-in '{name}' of {self.group} is no subclass of {base.__module__}.{base.__name__}"
            )
        if name not in get_args(cls.model_fields[self.tag].annotation):  # type: ignore[attr-defined]
            raise RecipeError(
                f"the class {cls.__qualname__} is registered in {self.group} as '{name}' but its key "
                f"'{self.tag}' does not accept that value; annotate it Literal[\"{name}\"]"
            )
        return cls

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {name: self._choice(name, source) for name in names(self.group)}
        return core_schema.tagged_union_schema(choices, discriminator=self.tag)

    def _choice(self, name: str, base: Any) -> CoreSchema:
        """Its class is imported when a recipe names it: with all of them, a recipe of three steps would wait a second.

        A plug-in that cannot be used is told then, too; other recipes go on working.
        """

        def validate(value: Any, info: core_schema.ValidationInfo) -> Any:
            try:
                cls = self._class(name, base)
            except RecipeError as error:
                raise PydanticCustomError("plugin", "{reason}", {"reason": str(error)}) from error
            return cls.model_validate(value, context=info.context)

        return core_schema.with_info_plain_validator_function(
            validate, metadata={_CLASS: lambda: self._class(name, base)}
        )


class WithRegistered(GenerateJsonSchema):
    """JSON Schema with every registered class in it: `Model.model_json_schema(schema_generator=WithRegistered)`."""

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        find = schema.get("metadata", {}).get(_CLASS)
        if find is None:
            return super().function_plain_schema(schema)
        try:
            cls = find()
        except RecipeError:
            return {}  # a plug-in that cannot be used
        return self.generate_inner(cls.__pydantic_core_schema__)
