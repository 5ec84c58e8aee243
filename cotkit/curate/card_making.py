"""The card's sections on how the rows were made: teacher, sampling, cost, judge, terms, sources to cite."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cotkit.curate.markdown import escape, listing, table

if TYPE_CHECKING:
    import polars as pl

Entry = Mapping[str, Any]
# Where the terms of well-known teachers are, by the model's name; what they allow is for a reader to read there.
_TERMS = (
    (r"deepseek", "DeepSeek's licence and terms", "https://github.com/deepseek-ai/DeepSeek-R1#7-license"),
    (r"\b(gpt|o[1-9]|chatgpt)\b(?!-oss)", "OpenAI's terms of use", "https://openai.com/policies/terms-of-use/"),
    (r"gemini", "Gemini API additional terms of service", "https://ai.google.dev/gemini-api/terms"),
    (r"claude", "Anthropic's commercial terms", "https://www.anthropic.com/legal/commercial-terms"),
    (r"grok", "xAI's terms of service", "https://x.ai/legal/terms-of-service-enterprise"),
    (r"qwen|qwq", "the licence on the model's page of Qwen", "https://huggingface.co/Qwen"),
    (r"mistral|magistral", "Mistral AI's terms", "https://legal.mistral.ai/terms"),
    (r"llama", "the Llama licence", "https://www.llama.com/llama-downloads/"),
)
# What a judge's `when` asks about, and the counters of its step that a reader wants.
_ASKED = {
    "disagree-audit": "what the rules left open, and a sample of what they decided, which it did not change",
    "rescue": "what the rules called incorrect or left open; its word can make an incorrect one correct",
    "all": "every finished attempt; its clear word replaced that of the rules",
}
_JUDGED = (
    *("correct", "incorrect", "undecided", "judged", "not asked", "agreed", "disagreed"),
    *("incorrect made correct", "correct taken back", "unclear"),
)
_SAMPLING = ("temperature", "top_p", "max_tokens", "seed")


def teachers(examples: pl.DataFrame, recipe: Mapping[str, Any], funnel: Sequence[Entry], terms: str | None) -> str:
    """Who wrote the traces, how it was asked, what that cost, and whose terms bind its output."""
    import polars as pl

    grouped = (
        examples.group_by("teacher", "reasoning_kind")
        .agg(pl.len().alias("rows"))
        .sort(["rows", "teacher", "reasoning_kind"], descending=[True, False, False])
    )
    parts = [table(("model", "trace kind (reasoning_kind)", "rows"), grouped.iter_rows())]
    made = examples["strategy"].drop_nulls().value_counts().sort(["count", "strategy"], descending=[True, False])
    if made.height and made["strategy"].to_list() != ["plain"]:
        parts.append(table(("made by (strategy)", "rows"), made.iter_rows()))
    asked = [_asked(step) for step in _steps(recipe, "distill")]
    if asked:
        parts.append(table(("step", "endpoint", "attempts at a problem", *_SAMPLING), asked))
        parts.append("An empty cell was left to the provider.")
    spent = [_spent(entry) for entry in funnel if entry.get("kind") in ("distill", "judge")]
    if spent:
        parts.append(table(("step", "prompt tokens", "completion tokens", "cost in US dollars"), spent))
    parts.append(_terms(sorted(set(examples["teacher"].to_list())), terms))
    return "\n\n".join(parts)


def _asked(step: Mapping[str, Any]) -> tuple[object, ...]:
    teacher, sampling = step.get("teacher") or {}, step.get("sampling") or {}
    endpoint = teacher.get("preset") or urlsplit(str(teacher.get("base_url") or "")).hostname or ""
    values = ["" if sampling.get(name) is None else str(sampling[name]) for name in _SAMPLING]
    return str(step.get("name") or "distill"), endpoint, str(step.get("samples") or ""), *values


def _spent(entry: Entry) -> tuple[object, ...]:
    counters = entry.get("counters", {})
    tokens = [int(counters[n]) if n in counters else "not counted" for n in ("prompt_tokens", "completion_tokens")]
    usd = f"{float(counters['usd']):.6g}" if "usd" in counters else "not known"
    return str(entry["step"]), *tokens, usd


def _terms(models: Sequence[str], stated: str | None) -> str:
    if stated is not None:
        return f"Terms of the teacher, as stated in the recipe: {escape(stated, 1000)}"
    lines = []
    for model in models:
        found = next((t for t in _TERMS if re.search(t[0], model.lower())), None)
        where = f"see {found[1]}, {found[2]}" if found else "not known to cotkit; ask whoever serves it"
        lines.append(f"- Terms for the output of {escape(model or 'an unnamed model')}: {where}")
    return listing(lines)


def judges(recipe: Mapping[str, Any], funnel: Sequence[Entry]) -> Iterator[str]:
    """A table for each judge step: the model that decided, what it was asked about, and what it said."""
    steps = {str(step.get("name") or "judge"): step for step in _steps(recipe, "judge")}
    for entry in funnel:
        if entry.get("kind") != "judge":
            continue
        counters, step = entry.get("counters", {}), steps.get(str(entry["step"]), {})
        model = escape((step.get("teacher") or {}).get("model") or "a model")
        asked = _ASKED.get(str(step.get("when")), "what the rules left open")
        domains = f" (domains: {escape(', '.join(step['domains']))})" if step.get("domains") else ""
        yield f"A judge, {model}, was asked about {asked}{domains}:"
        yield table(("after the judge", "attempts"), [(n, int(counters[n])) for n in _JUDGED if n in counters])


def by_domain(recipe: Mapping[str, Any], examples: pl.DataFrame) -> Iterator[str]:
    """Where a domain kept verdicts of its own: which, and how many of its rows are not known to be right."""
    import polars as pl

    for step in _steps(recipe, "select"):
        for domain, verdicts in (step.get("by_domain") or {}).items():
            own = examples.filter(pl.col("domain") == domain)
            unsure = own.filter(pl.col("verdict") != "correct").height
            yield (
                f"Of {escape(domain)} the recipe kept rows that are {escape(' or '.join(verdicts))}: {unsure} of its "
                f"{own.height} rows are not known to be right."
            )


def citations(recipe: Mapping[str, Any]) -> str:
    """Where the sources are, to be cited: Hub datasets by address and revision, files by name."""
    lines = []
    for step in _steps(recipe, "pull"):
        for source in step.get("sources", ()):
            name, identity = escape(source.get("name") or ""), str(source.get("id") or "")
            if re.fullmatch(r"[\w.-]+/[\w.-]+", identity):
                revision = f", revision {escape(source['revision'])}" if source.get("revision") else ""
                lines.append(f"- {name}: https://huggingface.co/datasets/{identity}{revision}")
            else:
                lines.append(f"- {name}: {escape(source.get('path') or source.get('kind') or '')}")
    if not lines:
        return ""
    return "Whoever uses this dataset should cite where its problems come from:\n\n" + listing(lines)


def _steps(recipe: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return [step for step in recipe.get("steps", ()) if step.get("step") == kind]
