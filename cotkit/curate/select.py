"""The select step: from graded traces to the rows worth publishing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.curate.choosers import AnyChooser, ByScore, Chooser, Picked
from cotkit.curate.rejection import first_rejection
from cotkit.curate.tokens import TokenizerName, count_tokens, tokenizer_digest
from cotkit.curate.trace_filters import AnyTraceFilter
from cotkit.curate.trace_filters.score import ScoreBand
from cotkit.records import Domain, Example, Message, Problem, Trace, Verdict, VerdictName
from cotkit.steps import Step, StepContext, StepOutput, Tables

Verdicts = Annotated[tuple[VerdictName, ...], Field(min_length=1)]


class Select(Step):
    """Keep traces by verdict and pass rate, then the best few of each problem.

    Dropped: "incorrect", "undecided", the trace's own status where it is no whole answer ("length",
    "unclosed", …), "too_long", the reason of a filter, "pass_rate", "not_chosen".
    """

    step: Literal["select"] = "select"
    verdicts: Verdicts = Field(("correct",), description="Verdicts worth keeping.")
    by_domain: dict[Domain, Verdicts] = Field(
        default_factory=dict,
        description="Domain -> the verdicts worth keeping there instead; a row keeps its verdict, the card tells it.",
    )
    filters: tuple[AnyTraceFilter, ...] = Field(
        (), description="Filters on the traces of these verdicts, in this order; each is opt-in, since some hurt."
    )
    choose: AnyChooser = Field(
        Picked(),
        description="Which of the good traces of one problem is best; when unset, what a strategy picked, then the "
        "shortest.",
    )
    tokenizer: TokenizerName | None = Field(
        None,
        description="Fills reasoning_tokens and response_tokens: a Hub id, or a path to a tokenizer.json or its folder "
        "(begin it with ./ or /).",
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        description="Drop attempts with more tokens of reasoning and response together, by `tokenizer`, as too_long, "
        "before the best one of a problem is chosen: the window of the model that will be trained.",
    )
    per_problem: int = Field(1, ge=1, description="Most traces to keep of one problem.")
    min_pass_rate: float = Field(0.0, ge=0, le=1, description="Drop problems solved less often than this.")
    max_pass_rate: float = Field(1.0, ge=0, le=1, description="Drop problems solved more often than this.")

    room: ClassVar[str] = "select"
    reads: ClassVar[tuple[type, ...]] = (Verdict, Trace, Problem)
    writes: ClassVar[type] = Example
    by_problem: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.select",
        "cotkit.curate.choosers",
        "cotkit.curate.limo",
        "cotkit.curate.tokens",
        "cotkit.records",
    )
    filter_code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.trace_filters",
        "cotkit.curate.rejection",
        "cotkit.curate.prose",
        "cotkit.verify",
    )

    excluded: ClassVar[Mapping[str, str]] = {"tokenizer": "the digest of the tokenizer is in the key instead"}

    @model_validator(mode="after")
    def _rates_in_order(self) -> Select:
        if self.min_pass_rate > self.max_pass_rate:
            raise PydanticCustomError("rates", "min_pass_rate is above max_pass_rate: no problem could stay")
        return self

    @model_validator(mode="after")
    def _tokens_of_something(self) -> Select:
        if self.max_tokens is not None and self.tokenizer is None:
            raise PydanticCustomError("tokens", "max_tokens needs a `tokenizer` to count by; name one")
        return self

    def wanted(self, domain: str) -> tuple[VerdictName, ...]:
        """Verdicts worth keeping for problems of a domain."""
        return next((verdicts for name, verdicts in self.by_domain.items() if name == domain), self.verdicts)

    def check_after(self, before: Sequence[Step]) -> list[str]:
        from cotkit.verify.score import unknown_scores

        by_score = [item for item in (self.choose, *self.filters) if isinstance(item, ByScore | ScoreBand)]
        found = unknown_scores([item.of for item in by_score], before)
        for step in before:
            rows, key = step.published()
            if rows > self.per_problem:
                found.append(
                    f"per_problem is {self.per_problem}, but '{step.name or step.step}' builds up to {rows} traces of "
                    f"a problem to be published ({key}), and the others would be dropped; set per_problem: {rows}, or "
                    f"{key}: {self.per_problem}"
                )
        return found

    def code_modules(self) -> tuple[str, ...]:
        used = (*self.filter_code, *(type(f).__module__ for f in self.filters)) if self.filters else ()
        return (*self.code, *used, type(self.choose).__module__)

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return {"tokenizer": tokenizer_digest(self.tokenizer)} if self.tokenizer is not None else {}

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        traces = {(t.problem_id, t.sample): t for t in records.rows(Trace, tables[Trace])}
        problems = {p.problem_id: p for p in records.rows(Problem, tables[Problem])}
        verdicts = records.rows(Verdict, tables[Verdict])
        attempts = [Attempt(problems[v.problem_id], traces[v.problem_id, v.sample], v) for v in verdicts]
        return counted(select(attempts, self), self.tokenizer)


def counted(chosen: StepOutput, tokenizer: str | None) -> StepOutput:
    """The kept rows with their lengths by a tokenizer, if one is named. Raises InputError where it cannot be read."""
    import polars as pl

    if tokenizer is None:
        return chosen
    columns = {
        f"{part}_tokens": pl.Series(count_tokens(chosen.kept[part].to_list(), tokenizer), dtype=pl.Int64)
        for part in ("reasoning", "response")
    }
    return replace(chosen, kept=chosen.kept.with_columns(**columns))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One graded trace of one problem."""

    problem: Problem
    trace: Trace
    verdict: Verdict


def pass_rate(attempts: Sequence[Attempt]) -> float | None:
    """Share of correct attempts among those that count, or None where none counts.

    An attempt cut off before its answer counts as not solved; one that the grader could not decide does
    not count at all (a grader's doubt is not the teacher's error), and neither does one whose teacher was shown the
    reference: it says nothing of how often the problem is solved.
    """
    counted = [a for a in attempts if a.verdict.verdict != "undecided" or a.trace.status != "done"]
    counted = [a for a in counted if not _saw_reference(a.trace)]
    if not counted:
        return None
    return sum(a.verdict.verdict == "correct" for a in counted) / len(counted)


def select(attempts: Sequence[Attempt], config: Select) -> StepOutput:
    """Choose among graded attempts; every attempt comes out kept or dropped, in the order it came in."""
    by_problem: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_problem[attempt.problem.problem_id].append(attempt)
    rates = {identity: pass_rate(group) for identity, group in by_problem.items()}
    long = _too_long(attempts, config)
    fates = {
        (a.problem.problem_id, a.trace.sample): fate
        for identity, group in by_problem.items()
        for a, fate in _fates(group, rates[identity], config, long)
    }
    kept: list[Example] = []
    dropped: list[Attempt] = []
    reasons: list[tuple[str, dict[str, Any]]] = []
    for attempt in attempts:
        identity = attempt.problem.problem_id
        fate = fates[identity, attempt.trace.sample]
        if fate is None:
            kept.append(example(attempt, rates[identity], len(by_problem[identity])))
        else:
            dropped.append(attempt)
            reasons.append(fate)
    dropped_table = records.dropped_frame(
        records.frame(Verdict, [a.verdict for a in dropped]),
        range(len(dropped)),
        [reason for reason, _ in reasons],
        [evidence for _, evidence in reasons],
    )
    solved = sum(1 for rate in rates.values() if rate)
    return StepOutput(
        records.frame(Example, kept),
        dropped_table,
        counters={"problems attempted": len(rates), "problems solved": solved},
    )


Fate = tuple[str, dict[str, Any]] | None


def _too_long(attempts: Sequence[Attempt], config: Select) -> dict[tuple[str, int], Fate]:
    """Fates of the attempts with more than `max_tokens` tokens, by (problem_id, sample). Raises InputError."""
    if config.max_tokens is None or config.tokenizer is None:
        return {}
    counts = count_tokens([text for a in attempts for text in (a.trace.reasoning, a.trace.response)], config.tokenizer)
    sums = [(counts[n] or 0) + (counts[n + 1] or 0) for n in range(0, len(counts), 2)]
    return {
        (a.trace.problem_id, a.trace.sample): ("too_long", {"tokens": tokens, "max_tokens": config.max_tokens})
        for a, tokens in zip(attempts, sums, strict=True)
        if tokens > config.max_tokens
    }


def _fates(
    group: Sequence[Attempt], rate: float | None, config: Select, long: Mapping[tuple[str, int], Fate]
) -> list[tuple[Attempt, Fate]]:
    good = [a for a in group if a.trace.status == "done" and a.verdict.verdict in config.wanted(a.problem.domain)]
    rejected = ((a, long.get((a.trace.problem_id, a.trace.sample)) or _filtered(a, config)) for a in good)
    filtered = {a.trace.sample: fate for a, fate in rejected if fate is not None}
    clean = [a for a in good if a.trace.sample not in filtered]
    in_range = rate is None or config.min_pass_rate <= rate <= config.max_pass_rate
    chosen = _best(clean, config.choose)[: config.per_problem] if in_range else []
    return [(a, filtered.get(a.trace.sample) or _fate(a, good, chosen, rate, in_range)) for a in group]


def _filtered(attempt: Attempt, config: Select) -> Fate:
    trace, problem = attempt.trace, attempt.problem
    found = first_rejection(
        config.filters, lambda f: f.reject(trace, problem), f"{trace.problem_id}, sample {trace.sample}"
    )
    return None if found is None else (found[0].reason, {"filter": found[0].name, **found[1]})


def _best(good: Sequence[Attempt], chooser: Chooser) -> list[Attempt]:
    return sorted(good, key=lambda a: (chooser.rank(a.trace), a.trace.sample))


def _fate(
    attempt: Attempt, good: Sequence[Attempt], chosen: Sequence[Attempt], rate: float | None, in_range: bool
) -> Fate:
    if attempt in chosen:
        return None
    if attempt.trace.status != "done":
        return attempt.trace.status, {"finish_reason": attempt.trace.finish_reason}
    if attempt not in good:
        verdict = attempt.verdict
        evidence = {
            "extracted": verdict.extracted,
            "reference": verdict.reference,
            "method": verdict.method,
            "why": verdict.reason,
        }
        return verdict.verdict, evidence
    if not in_range:
        return "pass_rate", {"pass_rate": rate}
    return "not_chosen", {"chosen_samples": [a.trace.sample for a in chosen]}


def example(attempt: Attempt, rate: float | None, attempts: int) -> Example:
    """The published row of one attempt. The user turn is the problem alone, as s1 and OpenR1 train."""
    problem, trace, verdict = attempt.problem, attempt.trace, attempt.verdict
    return Example(
        problem_id=problem.problem_id,
        messages=[
            Message("user", records.question(problem.problem, problem.choices)),
            Message("assistant", trace.response or ""),
        ],
        problem=problem.problem,
        answer=problem.answer,
        reasoning=trace.reasoning,
        response=trace.response,
        verdict=verdict.verdict,
        verdict_method=verdict.method,
        pass_rate=rate,
        attempts=attempts,
        domain=problem.domain,
        source=problem.source,
        source_row=problem.source_row,
        license=problem.license,
        language=problem.language,
        teacher=trace.teacher,
        sample=trace.sample,
        completion_tokens=trace.completion_tokens,
        reasoning_kind=trace.reasoning_kind,
        metadata=problem.metadata,
        subject=problem.subject,
        difficulty=problem.difficulty,
        solved_by=problem.solved_by,
        unsolved_by=problem.unsolved_by,
        weak_rates=problem.weak_rates,
        direct_tokens=problem.direct_tokens,
        scores=trace.scores,
        strategy=trace.strategy,
        provenance=records.published_provenance(trace.provenance),
        saw_reference=_saw_reference(trace),
    )


def _saw_reference(trace: Trace) -> bool:
    return records.provenance_of(trace.provenance).get("saw_reference") is True
