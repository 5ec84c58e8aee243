"""From the calls of strategies to their replies: each role by its own model, all within one budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from cotkit.distill.continuing import continued, read_new
from cotkit.distill.converse import Answers, Wave
from cotkit.distill.engine import Failure
from cotkit.distill.json_mode import as_json
from cotkit.distill.logprobs import read_logprobs
from cotkit.distill.rater import Rater, beside
from cotkit.distill.request import Request, build
from cotkit.distill.strategies import TEACHER, Call, Reply, Role
from cotkit.distill.teacher import Budget, Limits, Sampling
from cotkit.distill.traces import Consent, Door, Told
from cotkit.records import Trace
from cotkit.verify.scorers.prm_server import PrmServer


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears of the asking: of each warning, and of each answer."""

    note: Callable[[str], None]
    heard: Callable[[Trace], None] | None = None


class Asker:
    """Gets waves of calls answered, each role by its own model, within one budget.

    Args:
        heard: hears of each answer as it comes; a wave may take hours.

    Attributes:
        requests, journaled, replayed: as in Tally, over all waves.
    """

    def __init__(
        self,
        roles: Mapping[str, Role],
        limits: Limits,
        journal: Path,
        budget: Budget | None,
        consent: Mapping[str, Consent],
        ears: Ears,
        scorers: Mapping[str, PrmServer] | None = None,
    ) -> None:
        self._roles = roles
        self._raters = {name: Rater(prm, beside(journal)) for name, prm in (scorers or {}).items()}
        self._limits = limits
        self._journal = journal
        self._budget = budget
        self._consent = consent
        self._note = ears.note
        self._heard = ears.heard
        self._usd = Decimal(0)
        self._tokens = 0
        self._told: set[str] = set()
        self.requests = self.journaled = self.replayed = 0

    def __call__(self, wave: Wave) -> Answers:
        """The answers to a wave, in its order. Raises what distill_prompts raises."""
        found: list[tuple[Reply, Failure | None]] = [None] * len(wave)  # type: ignore[list-item]
        for name in dict.fromkeys(call.role for _, call in wave):
            numbers = [n for n, (_, call) in enumerate(wave) if call.role == name]
            ask = self._rate if name in self._raters else self._ask
            for number, answer in zip(numbers, ask(name, [wave[n] for n in numbers]), strict=True):
                found[number] = answer
        return found

    def _rate(self, name: str, calls: Wave) -> Answers:
        rater = self._raters[name]
        answers = rater([call.rated for _, call in calls if call.rated is not None])
        self.requests += rater.requests
        self.journaled += rater.journaled
        return answers

    def check(self) -> None:
        """See that every scorer answers, before anything is paid. Raises TeacherError."""
        for rater in self._raters.values():
            rater.check()
            self.requests += rater.requests
            self.journaled += rater.journaled

    def _ask(self, name: str, calls: Wave) -> Answers:
        role = self._roles[name]
        requests = [request_of(role, call, index) for index, (_, call) in enumerate(calls)]
        left = self.left()
        if left is not None and not _anything(left):
            return [(_reply(_unpaid(), request.hash), _unpaid()) for request in requests]
        names = {r.index: (problem, call.sample) for r, (problem, call) in zip(requests, calls, strict=True)}
        told: dict[int, Told] = {}
        bodies: dict[int, bytes] = {}
        read_again = {n for n, (_, call) in enumerate(calls) if _is_read_again(call)}

        def tell(one: Told) -> None:
            told[one.index] = one
            if self._heard is not None:
                self._heard(one.trace)

        def body(index: int, raw: bytes) -> None:
            bodies[index] = raw if index in read_again else b""

        lengths = [sampling_of(role, call).max_tokens for _, call in calls]
        longest = max((n for n in lengths if n is not None), default=None) if None not in lengths else None
        # Nobody uses the thinking of a judge or a writer, and the rest of a begun answer may well hold none.
        thinks = name == TEACHER and all(call.begun is None for _, call in calls)
        teacher = role.teacher if thinks else role.teacher.for_answers()
        door = Door(teacher, self._limits, self._journal, left, longest, self._consent.get(name), self._once)
        hashes = [request.hash for request in requests]
        tally = door.ask(requests, names, tell, charged=hashes, on_body=body)
        self.requests += tally.requests
        self.journaled += tally.journaled
        self.replayed += tally.replayed
        # Taken out: what has heard them is held in a circle, and so by the garbage collector, for several waves more.
        answers = [heard(told.pop(n), calls[n][1], bodies.pop(n, None)) for n in range(len(calls))]
        self._pay({reply.request_hash: reply for reply, _ in answers}.values())
        return answers

    def _pay(self, replies: Iterable[Reply]) -> None:
        for reply in replies:
            self._usd += Decimal(str(reply.cost_usd or 0))
            self._tokens += (reply.prompt_tokens or 0) + (reply.completion_tokens or 0)

    def left(self) -> Budget | None:
        """What of the budget the waves before have left."""
        budget = self._budget
        if budget is None:
            return None
        return budget.model_copy(
            update={
                "usd": None if budget.usd is None else budget.usd - self._usd,
                "tokens": None if budget.tokens is None else budget.tokens - self._tokens,
            }
        )

    def _once(self, text: str) -> None:
        """Each wave may have the same thing to say."""
        if text not in self._told:
            self._told.add(text)
            self._note(text)


def sampling_of(role: Role, call: Call) -> Sampling:
    """The sampling keys of one call: the role's own, with what the call says instead."""
    return Sampling.model_validate({**role.sampling.model_dump(), **call.sampling})


def begun_of(call: Call) -> str:
    """The text that the answer begins with; it is sent like the prompt."""
    return call.begun or ""


def request_of(role: Role, call: Call, index: int) -> Request:
    """The request that a call is."""
    teacher, messages = role.teacher, call.messages
    extra = dict(call.extra)
    if call.begun is not None:
        messages, further = continued(teacher, messages, call.begun)
        extra |= further
    if call.json is not None:
        extra |= as_json(teacher, call.json)
    if extra:
        teacher = teacher.model_copy(update={"extra_body": {**teacher.extra_body, **extra}})
    return build(teacher, sampling_of(role, call), messages, call.sample, index)


def _is_read_again(call: Call) -> bool:
    """Whether the raw answer holds more than its trace."""
    return bool(call.extra.get("logprobs")) or call.begun is not None or call.exact


def heard(told: Told, call: Call, raw: bytes | None) -> tuple[Reply, Failure | None]:
    """The reply to a call; `raw` is the answer as it came, for calls that want more of it than its texts."""
    t, logprobs, added = told.trace, None, None
    if raw and call.extra.get("logprobs"):
        logprobs = read_logprobs(raw)
    if raw and (call.begun is not None or call.exact):
        added = read_new(raw, call.begun or "")
    reasoning, response = (t.reasoning, t.response) if added is None else added
    # A server that only gives the begun text back has nothing to add.
    bare = t.status == "done" and not (reasoning or response or "").strip()
    reply = Reply(
        t.request_hash,
        "empty" if bare else t.status,
        reasoning,
        response,
        t.finish_reason,
        t.prompt_tokens,
        t.completion_tokens,
        t.cost_usd,
        t.error,
        logprobs,
        t.reasoning_kind,
    )
    lasting = told.failure is None or (not told.failure.passing and told.failure.reason != "not_recorded")
    return reply, None if lasting else told.failure


def _reply(failure: Failure, request_hash: str) -> Reply:
    return Reply(request_hash, "failed", error=f"{failure.reason}: {failure.message}")


def _unpaid() -> Failure:
    return Failure("over_budget", "the budget was used up before this was asked; raise it and run again", passing=True)


def _anything(budget: Budget) -> bool:
    return (budget.usd is None or budget.usd > 0) and (budget.tokens is None or budget.tokens > 0)
