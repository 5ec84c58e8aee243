"""The score step: numbers for every attempt, by named scorers."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from cotkit.records import Problem, Score, Trace, Verdict, dropped_frame, frame, rows, scores_from
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.verify.extract import extract_reference
from cotkit.verify.scorers import AnyScorer, Attempt, Scored, Scorer
from cotkit.verify.scorers.prm import Prm

if TYPE_CHECKING:
    import polars as pl

    from cotkit.distill.estimate import Asking, Posted


@dataclass(frozen=True, slots=True)
class Unscored:
    """A row of unscored.parquet: an attempt that a scorer could not give all its scores, and why."""

    problem_id: str
    sample: int
    by: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Steps:
    """A row of steps.parquet: one number for each step of an attempt's text, by a scorer that judges steps."""

    problem_id: str
    sample: int
    by: str
    scores: list[float]


class ScoreStep(Step):
    """Give every attempt the scores of the named scorers, in the order of the list; none is dropped.

    A later scorer sees the scores of an earlier one, and overwrites one of the same name. unscored.parquet says where
    a score could not be had, steps.parquet holds the numbers of scorers that judge single steps.
    """

    step: Literal["score"] = "score"
    scorers: tuple[AnyScorer, ...] = Field(min_length=1, description="Scorers, asked in this order.")

    room: ClassVar[str] = "score"
    reads: ClassVar[tuple[type, ...]] = (Trace, Verdict, Problem)
    writes: ClassVar[type] = Trace
    by_problem: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.verify.score",
        "cotkit.verify.scorers",
        "cotkit.verify.extract",
        "cotkit.records",
    )

    @property
    def alone(self) -> bool:  # type: ignore[override]
        """A server is asked by one process, which knows its limits."""
        return any(scorer.alone for scorer in self.scorers)

    def code_modules(self) -> tuple[str, ...]:
        used = (module for scorer in self.scorers for module in (type(scorer).__module__, *scorer.code))
        return (*self.code, *used)

    def exclusions(self) -> Mapping[str, str]:
        return {f"scorers.{i}.{key}": why for i, s in enumerate(self.scorers) for key, why in s.excluded.items()}

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return {f"{s.by}: {name}": digest for s in self.scorers for name, digest in s.materials().items()}

    def check(self) -> list[str]:
        taken = Counter(name for scorer in self.scorers for name in scorer.names())
        return [
            f"two scorers of this step give '{name}', and the second would overwrite the first; leave one out"
            for name, times in taken.items()
            if times > 1
        ]

    def check_after(self, before: Sequence[Step]) -> list[str]:
        given: set[str] = set()
        wanted: list[str] = []
        for scorer in self.scorers:
            wanted += [name for name in scorer.needs() if name not in given]
            given.update(scorer.names())
        return unknown_scores(wanted, before)

    def asks(self) -> bool:
        """Does one of its scorers ask a server?"""
        return any(isinstance(scorer, Prm) or type(scorer).posts is not Scorer.posts for scorer in self.scorers)

    def asking(self, attempts: Sequence[Attempt], times: int | None = None) -> list[Asking | Posted]:
        """What its scorers would ask of servers about these attempts, for an estimate.

        With `times` these stand for so many each that are not there yet, and may never be.
        """
        from cotkit.distill.estimate import Asking, Posted

        found: list[Asking | Posted] = []
        least, each = (None, 1) if times is None else (0, times)
        for scorer in self.scorers:
            told = f"{self.name or self.step}: {scorer.by}"
            if isinstance(scorer, Prm) and scorer.adapter == "llm_judge":
                from cotkit.verify.scorers import prm_judge

                # Equal ones are one paid call.
                different = dict.fromkeys((attempt.problem, tuple(scorer.steps_of(attempt))) for attempt in attempts)
                chats = [prm_judge.question(about, steps) for about, steps in different if not prm_judge.refusal(steps)]
                prompts = [(str(n), chat) for n, chat in enumerate(chats)]
                who, usual = prm_judge.teacher_of(scorer), prm_judge.USUAL_TOKENS
                found.append(
                    Asking(told, who, prm_judge.SAMPLING, 1, prompts, scorer.journal, usual, least=least, times=each)
                )
            elif posts := [size for attempt in attempts for size in scorer.posts(attempt)]:
                found.append(Posted(told, len(posts) * each, sum(posts) * each, least))
        return found

    def ready(self) -> None:
        for scorer in self.scorers:
            scorer.ready()

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        traces = rows(Trace, tables[Trace])
        attempts = attempts_of(traces, rows(Verdict, tables[Verdict]), rows(Problem, tables[Problem]))
        places: dict[str, list[int]] = defaultdict(list)
        for place, trace in enumerate(traces):
            places[trace.problem_id].append(place)
        unscored: list[tuple[int, Unscored]] = []
        steps: list[tuple[int, Steps]] = []
        counters: Counter[str] = Counter()
        passing = 0
        for scorer in self.scorers:
            for place, found in _scored(scorer, attempts, list(places.values()), context):
                # What it cannot give now must not stay from an earlier time.
                others = {name: v for name, v in attempts[place].scores.items() if name not in scorer.names()}
                attempts[place] = replace(attempts[place], scores={**others, **found.values})
                key = traces[place].problem_id, traces[place].sample
                counters[f"{scorer.by} scored"] += not found.why
                passing += found.is_passing
                if found.why:
                    counters[f"{scorer.by} {found.why}"] += 1
                    evidence = json.dumps(dict(found.evidence), sort_keys=True, ensure_ascii=False)
                    unscored.append((place, Unscored(*key, scorer.by, found.why, evidence)))
                if found.steps is not None:
                    steps.append((place, Steps(*key, scorer.by, list(found.steps))))
        secondary: dict[str, pl.DataFrame] = {
            "unscored": frame(Unscored, _in_order(unscored)),
            "steps": frame(Steps, _in_order(steps)),
        }
        return StepOutput(
            kept=_with_scores(tables[Trace], [scores_from(attempt.scores) for attempt in attempts]),
            dropped=dropped_frame(tables[Trace], [], [], []),
            counters={label: float(count) for label, count in counters.items() if count},
            incomplete=passing,
            secondary={stem: table for stem, table in secondary.items() if table.height},
        )


def _in_order(rows: Sequence[tuple[int, Any]]) -> list[Any]:
    """Rows in the order of the attempts, of one attempt in the order of the scorers."""
    return [row for _, row in sorted(rows, key=lambda item: item[0])]


def unknown_scores(wanted: Sequence[str], before: Sequence[Step]) -> list[str]:
    """A sentence for a score that no step before gives; none where a step before may give scores of its own."""
    steps = [step for step in before if isinstance(step, ScoreStep)]
    others = [step for step in before if step.writes is Trace and not isinstance(step, ScoreStep)]
    if any(step.step != "distill" for step in others):
        return []
    given = {name for step in steps for scorer in step.scorers for name in scorer.names()}
    return [
        f"nothing before it gives the score '{name}'"
        + (f"; there are {', '.join(sorted(given))}" if given else "; add a score step before it")
        for name in dict.fromkeys(wanted)
        if name not in given
    ]


def _scored(
    scorer: Scorer, attempts: Sequence[Attempt], groups: Sequence[Sequence[int]], context: StepContext
) -> list[tuple[int, Scored]]:
    """(place, answer) for every attempt."""
    found: list[tuple[int, Scored]] = []
    with context.progress.task(scorer.by, len(attempts)) as task:
        answers = scorer.score_all([[attempts[place] for place in group] for group in groups], context)
        for group, answer in zip(groups, answers, strict=True):
            found += zip(group, answer, strict=True)
            task.advance(len(group))
    return found


def attempts_of(traces: Sequence[Trace], verdicts: Sequence[Verdict], problems: Sequence[Problem]) -> list[Attempt]:
    """The attempts as scorers see them, one for each trace; one that nothing was graded of is undecided."""
    judged = {(v.problem_id, v.sample): v.verdict for v in verdicts}
    known = {p.problem_id: p for p in problems}
    found = []
    for trace in traces:
        problem = known.get(trace.problem_id)
        reference = extract_reference(problem.answer, problem.solution).answer if problem is not None else None
        found.append(
            Attempt(
                problem=problem.problem if problem is not None else "",
                response=trace.response or "",
                verdict=judged.get((trace.problem_id, trace.sample), "undecided"),
                reasoning=trace.reasoning,
                reference=reference,
                tokens=trace.completion_tokens,
                is_cut=trace.status in ("length", "unclosed"),
                # A request that failed, or was withheld, says nothing of the model.
                is_empty=trace.status in ("done", "empty") and not (trace.reasoning or trace.response or "").strip(),
                scores={score["name"]: score["value"] for score in trace.scores or ()},
            )
        )
    return found


def _with_scores(traces: pl.DataFrame, scores: Sequence[list[Score] | None]) -> pl.DataFrame:
    import polars as pl

    return traces.with_columns(pl.Series("scores", scores, dtype=traces.schema["scores"]))
