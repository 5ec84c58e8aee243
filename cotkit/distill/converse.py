"""Runs strategies: many problems play at once, and what they want asked next goes out together, role by role."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cotkit.distill.engine import Failure
from cotkit.distill.strategies import Call, Play, Played, Reply

# So many problems are amid their calls at once; more would only be held in memory.
WINDOW = 4096


@dataclass(frozen=True, slots=True)
class Made:
    """One call that was made, for the table of calls."""

    problem_id: str
    number: int
    role: str
    purpose: str
    request_hash: str
    status: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None


@dataclass
class Ended:
    """One problem is through.

    Attributes:
        played: what its strategy built; None where a call could not be had for a passing reason, told in `failure`.
        calls: all that was asked for it.
    """

    problem_id: str
    played: Played | None = None
    failure: Failure | None = None
    calls: list[Made] = field(default_factory=list)


Wave = Sequence[tuple[str, Call]]
Answers = Sequence[tuple[Reply, Failure | None]]


def converse(
    plays: Iterable[tuple[str, Play]],
    ask: Callable[[Wave], Answers],
    on_end: Callable[[Ended], None],
    room: Callable[[], int] = lambda: WINDOW,
) -> None:
    """Let every play have its calls answered until it ends.

    Args:
        plays: (problem_id, play); read as there is room.
        ask: gets a wave of calls answered, in their order; a Failure beside a reply is one that a later run may mend.
        on_end: hears of each problem once, as it ends.
        room: how many problems may be open now. Once the budget has cut one short, no further one is begun: those that
            were begun first may still need what is left.

    Raises what `ask` raises; the plays are then given up, and what they asked lies in the journal.
    """
    waiting = iter(plays)
    live: dict[str, tuple[Play, Ended, Sequence[Call]]] = {}
    spent: Failure | None = None

    def step(play: Play, ended: Ended, replies: Sequence[Reply] | None) -> None:
        try:
            calls = next(play) if replies is None else play.send(replies)
        except StopIteration as stop:
            ended.played = stop.value
            on_end(ended)
            return
        if replies is None and spent is not None:
            play.close()
            ended.failure = spent
            on_end(ended)
            return
        live[ended.problem_id] = (play, ended, calls)

    def fill() -> None:
        while len(live) < room():
            new = next(waiting, None)
            if new is None:
                return
            step(new[1], Ended(new[0]), None)

    fill()
    while live:
        wave = [(name, call) for name, (_, _, calls) in live.items() for call in calls]
        # Each is let go as its play has had it: the next wave's answers need the room.
        answers = deque(ask(wave))
        for name, (play, ended, calls) in list(live.items()):
            del live[name]
            own = [answers.popleft() for _ in calls]
            for call, (reply, _) in zip(calls, own, strict=True):
                ended.calls.append(_made(name, len(ended.calls), call, reply))
            ended.failure = next((failure for _, failure in own if failure is not None), None)
            if ended.failure is not None:
                spent = spent or (ended.failure if ended.failure.reason == "over_budget" else None)
                play.close()
                on_end(ended)
            else:
                step(play, ended, [reply for reply, _ in own])
        fill()


def _made(name: str, number: int, call: Call, reply: Reply) -> Made:
    return Made(
        name,
        number,
        call.role,
        call.purpose,
        reply.request_hash,
        reply.status,
        reply.prompt_tokens,
        reply.completion_tokens,
        reply.cost_usd,
    )
