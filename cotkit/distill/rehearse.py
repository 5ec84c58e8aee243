"""Strategies played over a journal without asking anybody: what is answered already, and what may still be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cotkit.distill.asker import begun_of, heard, request_of
from cotkit.distill.converse import Answers, Ended, Wave, converse
from cotkit.distill.engine import Failure
from cotkit.distill.journal import JournalReader, look_into
from cotkit.distill.prices import Usage
from cotkit.distill.rater import Rater, beside
from cotkit.distill.strategies import Call, Count, Play, Reply, Role, Strategy
from cotkit.distill.traces import Told, make_trace

# A long trace, where nothing says how long a reply may be.
_TOKENS = 9_000
# What cotkit itself says in a later call: an instruction, a judge's task.
_WORDS = 1_000
_UNASKED = Failure("not_asked", "nobody was asked", passing=True)


@dataclass
class Rehearsed:
    """All calls of one role, over all problems.

    Attributes:
        answered: calls whose answers lie in the journal.
        least, most: calls in all, the answered ones among them.
        least_chars, most_chars: of the prompts that are still to be sent, without the replies that they carry.
        carried: tokens of earlier replies in those prompts, at most.
        usages: of the answers that are there.
    """

    answered: int = 0
    least: int = 0
    most: int = 0
    least_chars: int = 0
    most_chars: int = 0
    carried: int = 0
    usages: list[Usage] = field(default_factory=list)


@dataclass
class _Game:
    """One problem's calls so far, by role."""

    answered: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    chars: Counter[str] = field(default_factory=Counter)
    first: int = 0
    largest: int = 0


def rehearse(
    strategy: Strategy,
    roles: Mapping[str, Role],
    plays: Iterable[tuple[str, Play]],
    journal: Path,
    certain: bool = True,
    limit: int | None = None,
) -> dict[str, Rehearsed]:
    """Play every problem as far as the journal's answers go.

    Args:
        limit: tokens that a reply of the teacher has at most, where that is known.
        certain: False where fewer problems may be asked about than there are plays.

    The most are upper bounds: each call that is not known yet counts as long as the longest before it, and with the
    replies that Strategy.carried tells, each as long as `limit` allows or as the longest that came.
    """
    games: dict[str, _Game] = {}
    found = {count.role: Rehearsed() for count in strategy.counts()}
    longest = [limit or strategy.usual_tokens or _TOKENS]
    counts = {count.role: count for count in strategy.counts()}
    with ExitStack() as stack:
        opened = stack.enter_context(look_into(journal)) if journal.is_file() else None
        raters = {name: Rater(prm, beside(journal)) for name, prm in strategy.scorers().items()}

        def ask(wave: Wave) -> Answers:
            answers: list[tuple[Reply, Failure | None]] = []
            for name, call in wave:
                game = games.setdefault(name, _Game())
                reply = _answer(call, roles, raters, opened, found[call.role].usages, longest)
                chars = len(str(call.messages)) + len(begun_of(call))
                game.first = game.first or chars
                game.largest = max(game.largest, chars)
                if reply is None:
                    game.open[call.role] += 1
                    game.chars[call.role] += chars
                else:
                    game.answered[call.role] += 1
                answers.append((reply or Reply("", "failed"), None if reply else _UNASKED))
            return answers

        def end(one: Ended) -> None:
            game = games.pop(one.problem_id, _Game())
            for role, count in counts.items():
                _add(found[role], game, count, done=one.failure is None, certain=certain)

        converse(plays, ask, end)
    for role, one in found.items():
        one.carried = round(one.carried * strategy.carried(role) * max(longest))
    return found


def _add(found: Rehearsed, game: _Game, count: Count, *, done: bool, certain: bool) -> None:
    role = count.role
    answered, pending = game.answered[role], game.open[role]
    found.answered += answered
    if done:
        found.least += answered
        found.most += answered
        return
    known = answered + pending
    least, most = max(count.least, known), max(count.most, known)
    found.least += least if certain else answered
    found.most += most
    if certain:
        found.least_chars += game.chars[role] + (least - known) * game.first
    found.most_chars += game.chars[role] + (most - known) * (game.largest + _WORDS)
    found.carried += most - known


def _answer(
    call: Call,
    roles: Mapping[str, Role],
    raters: Mapping[str, Rater],
    journal: JournalReader | None,
    usages: list[Usage],
    longest: list[int],
) -> Reply | None:
    """The reply that lies in the journal; None where there is none."""
    if call.rated is not None:
        return raters[call.role].kept(call.rated)
    if journal is None:
        return None
    role = roles[call.role]
    request = request_of(role, call, 0)
    entry = journal.get_many([request.hash]).get(request.hash)
    if entry is None:
        return None
    trace, failure = make_trace("", call.sample, request.hash, entry, role.teacher, {}, role.teacher.pricing())
    usages.append(Usage(trace.prompt_tokens, trace.completion_tokens))
    longest.append(trace.completion_tokens or 0)
    return heard(Told(0, trace, failure), call, entry.body)[0]


Rehearsal = Callable[[Path], Mapping[str, Rehearsed]]


def once(play: Callable[[Path], dict[str, Rehearsed]]) -> Rehearsal:
    """For the roles of one step: all ask for the same rehearsal."""
    known: dict[Path, dict[str, Rehearsed]] = {}

    def found(journal: Path) -> Mapping[str, Rehearsed]:
        if journal not in known:
            known[journal] = play(journal)
        return known[journal]

    return found
