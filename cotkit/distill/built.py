"""From what was built for each problem to the rows of the construct step, some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotkit.distill.asker import Asker
from cotkit.distill.converse import Ended, Made
from cotkit.distill.request import canonical
from cotkit.distill.rows import characters
from cotkit.distill.strategies import Attempt, Overruled, Reply
from cotkit.distill.teacher import Teacher
from cotkit.pile import Pile, cells, handfuls
from cotkit.records import Trace, dropped_frame, frame, scores_from
from cotkit.steps import StepOutput


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree that a strategy searched, as JSON."""

    problem_id: str
    tree: str


@dataclass(frozen=True, slots=True)
class _Built:
    """One problem: its traces, (label, reason, evidence) of each, its calls, and whether it may be asked again."""

    traces: list[Trace]
    fates: list[tuple[str | None, str | None, Mapping[str, Any]]]
    calls: list[Made]
    tree: Tree | None
    passing: bool


def attempts_of(ended: Ended) -> Sequence[Attempt]:
    """What was built for a problem; at least one row says what became of it."""
    if ended.failure is not None:
        told: dict[str, Any] = {"error": ended.failure.message, "http_status": ended.failure.http_status}
        told["calls"] = len(ended.calls)
        if ended.failure.begun is not None:
            told["begun"] = dict(zip(("reasoning", "response"), ended.failure.begun, strict=True))
        return [Attempt(None, None, status="failed", reason=ended.failure.reason, evidence=told)]
    attempts = ended.played.attempts if ended.played is not None else ()
    return attempts or [Attempt(None, None, status="failed", reason="nothing_built")]


def packed(ended: Ended, attempts: Sequence[Attempt], strategy: str, teacher: Teacher) -> Any:
    """One problem, as a Pile takes it: without the replies that its traces stand on."""
    tree = None if ended.played is None or ended.played.tree is None else canonical(ended.played.tree)
    return [
        [cells(_trace(ended, n, attempt, strategy, teacher, len(attempts))) for n, attempt in enumerate(attempts)],
        [(attempt.label, attempt.reason, dict(attempt.evidence)) for attempt in attempts],
        [cells(call) for call in ended.calls],
        None if tree is None else [ended.problem_id, tree],
        ended.failure is not None and ended.failure.passing,
    ]


def outputs(built: Pile, overruled: Mapping[int, Overruled], asker: Asker) -> Iterator[StepOutput]:
    """The rows in the order of the problems, and then what was counted, in a part without rows.

    Args:
        built: number of a problem -> what was `packed` of it.
        overruled: by number of the problem; its first trace is meant.
    """
    sums = _Sums()
    unpacked = (_unpacked(value, overruled.get(number)) for number, value in built.items())
    for some in handfuls(unpacked, _length):
        sums.add(some)
        yield _rows(some)
    yield _rows([], sums.counters(asker))


def _unpacked(value: Any, ruling: Overruled | None) -> _Built:
    traces, fates, calls, tree, passing = value
    if ruling is not None:
        fates[0] = (ruling.label, ruling.reason, ruling.evidence)
    own = [Made(*call) for call in calls]
    return _Built([Trace(*trace) for trace in traces], fates, own, None if tree is None else Tree(*tree), passing)


def _length(one: _Built) -> int:
    return sum(map(characters, one.traces)) + (0 if one.tree is None else len(one.tree.tree))


@dataclass
class _Sums:
    """What the funnel counts of all problems."""

    problems: int = 0
    calls: int = 0
    prompt: int = 0
    completion: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    usd: float = 0.0
    priced: bool = False

    def add(self, some: Sequence[_Built]) -> None:
        for one in some:
            self.problems += 1
            self.labels.update(label for label, _, _ in one.fates if label)
            for call in one.calls:
                self.calls += 1
                self.prompt += call.prompt_tokens or 0
                self.completion += call.completion_tokens or 0
                self.roles[call.role] += 1
                self.usd += call.cost_usd or 0.0
                self.priced |= call.cost_usd is not None

    def counters(self, asker: Asker) -> dict[str, float]:
        return {
            "problems": self.problems,
            "calls": self.calls,
            "requests": asker.requests,
            "journaled": asker.journaled,
            "replayed": asker.replayed,
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            **dict(sorted(self.labels.items())),
            **{f"calls_{role}": count for role, count in sorted(self.roles.items())},
            **({"usd": self.usd} if self.priced else {}),
        }


def _rows(some: Sequence[_Built], counters: Mapping[str, float] | None = None) -> StepOutput:
    table = frame(Trace, [trace for one in some for trace in one.traces])
    fates = [fate for one in some for fate in one.fates]
    dropped = {i: (reason, evidence) for i, (_, reason, evidence) in enumerate(fates) if reason is not None}
    trees = [one.tree for one in some if one.tree is not None]
    calls = frame(Made, [call for one in some for call in one.calls])
    reasons, evidence = [reason for reason, _ in dropped.values()], [told for _, told in dropped.values()]
    return StepOutput(
        kept=table[[i for i in range(len(fates)) if i not in dropped]],
        dropped=dropped_frame(table, list(dropped), reasons, evidence),
        rows_in=len(fates),
        counters=counters or {},
        incomplete=sum(one.passing for one in some),
        secondary={"calls": calls, **({"trees": frame(Tree, trees)} if trees else {})},
    )


def _trace(ended: Ended, sample: int, attempt: Attempt, strategy: str, teacher: Teacher, count: int) -> Trace:
    made_of: list[Reply] = list({reply.request_hash: reply for reply in attempt.made_of}.values())
    # Every attempt bears an equal share of all that was asked for its problem, so that costs add up to the bill.
    shared = [call.cost_usd for call in ended.calls if call.cost_usd is not None]
    return Trace(
        problem_id=ended.problem_id,
        sample=sample,
        teacher=attempt.author or teacher.model,
        request_hash=made_of[-1].request_hash if made_of else "",
        status=attempt.status,
        reasoning=attempt.reasoning,
        response=attempt.response,
        reasoning_kind="none" if attempt.reasoning is None else attempt.kind,
        finish_reason=made_of[-1].finish_reason if made_of else None,
        prompt_tokens=sum(reply.prompt_tokens or 0 for reply in made_of) if made_of else None,
        completion_tokens=sum(reply.completion_tokens or 0 for reply in made_of) if made_of else None,
        cost_usd=sum(shared) / count if shared else None,
        strategy=strategy,
        scores=scores_from(attempt.scores),
        provenance=canonical({"base_url": teacher.base_url, "calls": len(ended.calls), **attempt.facts}),
    )
