"""Two looks before money flows: are these the settings that were paid for, and does the teacher show its thinking?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cotkit.distill.faults import Refusal
from cotkit.distill.gate import Gate
from cotkit.distill.journal import Journal
from cotkit.distill.request import Request, canonical
from cotkit.distill.teacher import Sampling, Teacher
from cotkit.distill.wire import Answer
from cotkit.errors import RecipeError

# So many first answers are looked at before the rest is asked.
FIRST = 4
# So many answers of unknown settings are compared with what is to be asked.
_MOST_IMPORTED = 10_000

Confirm = Callable[[str], bool]


class Watch:
    """Looks at the first answers: a teacher that should think and shows nothing is told of at once."""

    def __init__(self, teacher: Teacher, gate: Gate, note: Callable[[str], None]) -> None:
        self._teacher = teacher
        self._gate = gate
        self._note = note
        self._bare = 0
        self.decided = teacher.reasoning == "none"

    def probed(self) -> None:
        """The first request is through, or takes long: a few more may go, or all."""
        if self.decided or self._teacher.reasoning == "auto" or self._bare == 0:
            self._gate.release()
        else:
            self._gate.held = FIRST - self._bare

    def hear(self, answer: Answer) -> None:
        """An answer came from the teacher."""
        if self._gate.held is not None and (self.decided or self._teacher.reasoning == "auto"):
            self._gate.release()
        if self.decided or (answer.reasoning is None and answer.response is None):
            return
        if answer.reasoning is not None:
            self.decided = True
            self._gate.release()
            return
        self._bare += 1
        if self._bare < FIRST:
            if self._gate.held is not None:
                self._gate.held = FIRST - self._bare
            return
        self.decided = True
        if self._teacher.reasoning == "auto":
            self._note(
                f"the first {FIRST} answers of {self._teacher.model} hold no reasoning; if it should think, see "
                "'teacher.extra_body' or the server's reasoning parser, else set teacher.reasoning=none"
            )
        else:
            self._gate.stop(Refusal("no_reasoning", f"its first {FIRST} answers hold no reasoning"))

    def ended(self) -> None:
        """All is asked, and too few answers came to decide."""
        if not self.decided and self._bare > 0 and self._teacher.reasoning != "auto":
            self._note(f"no answer of {self._teacher.model} holds reasoning, though it should show its thinking")


def settings_text(
    teacher: Teacher,
    sampling: Sampling,
    system: str | Mapping[str, str] | None,
    correct: int = 1,
    strategy: Mapping[str, Any] | None = None,
    later: str | None = None,
) -> str:
    """What a user may have changed by mistake: everything sent but the problems themselves, and `until.correct`.

    `later` is the name of a step that is a later round in the same run.
    """
    return canonical(
        {
            **({"until": {"correct": correct}} if correct > 1 else {}),
            **({"strategy": strategy} if strategy is not None else {}),
            **({"later": later} if later is not None else {}),
            "base_url": teacher.base_url,
            "model": teacher.model,
            "system": system,
            "sampling": sampling.model_dump(mode="json", exclude_none=True),
            "extra_body": teacher.extra_body,
        }
    )


def must_agree(
    journal: Journal, settings: str, samples: int, confirm: Confirm | None, expected: str, first: Request
) -> None:
    """Ask before paying anew for what was paid for under other settings, once for each change.

    Called when `first` has to be sent, and more. Nothing is asked where the journal is empty, where these settings
    were paid for before with as many samples (and as many correct ones wanted), or where other settings never were.

    Raises RecipeError where the answer is no, or nobody can be asked.
    """
    before = _alike(journal.settings(), settings)
    told = None
    if not _paid(before, settings, samples) and journal.count() > 0:
        # A recording of answers says nothing of a judge that was never asked.
        imported = None if _whose(settings)[1] is not None else _imported(journal, first)
        told = _changes(settings, samples, before) if before else imported
    if told is not None and (
        confirm is None or not confirm(f"{journal.path.name}: {told}, so {expected} asked and paid; go on?")
    ):
        raise RecipeError(
            f"{journal.path}: {told}, so {expected} asked and paid; nothing was sent: add --yes to pay, or set it "
            "back to use the answers that are there"
        )
    keep_settings(journal, settings, samples)


def keep_settings(journal: Journal, settings: str, samples: int) -> None:
    """Remember that these settings are paid for; raises StorageError where it cannot be written."""
    before = journal.settings()
    if not _paid(before, settings, samples):
        known = max((then for text, then in before if text == settings), default=0)
        journal.keep_settings(settings, max(samples, known), datetime.now(UTC).isoformat())


def _alike(before: Sequence[tuple[str, int]], settings: str) -> list[tuple[str, int]]:
    """A distill step is no earlier state of a construct step in the same run, nor one strategy, role or round of
    another.
    """
    mine = _whose(settings)
    return [(text, then) for text, then in before if _whose(text) == mine]


def _whose(settings: str) -> tuple[str | None, ...]:
    told = json.loads(settings)
    strategy = told.get("strategy", {})
    return strategy.get("by"), strategy.get("role"), told.get("later")


def _paid(before: Sequence[tuple[str, int]], settings: str, samples: int) -> bool:
    rest, correct = _apart(settings)
    return any(_apart(text)[0] == rest and _apart(text)[1] >= correct and then >= samples for text, then in before)


def _apart(settings: str) -> tuple[dict[str, Any], int]:
    """(what is sent, correct answers wanted of a problem) of settings as text."""
    told: dict[str, Any] = json.loads(settings)
    return {key: value for key, value in told.items() if key != "until"}, told.get("until", {}).get("correct", 1)


def _imported(journal: Journal, first: Request) -> str | None:
    """Nobody wrote down the settings of a recording's answers: are some of them like the first request?

    A recording marks its answers by their provenance; those without one are of another step (a judge's) in this run.
    """
    mine = _kind_of(first.text)
    sql = "SELECT request FROM answers WHERE provenance != '{}' AND provenance NOT LIKE '{\"batch\":%' LIMIT ?"
    imported = journal.read(sql, (_MOST_IMPORTED,))
    if not imported or any(_kind_of(text) == mine for (text,) in imported):
        return None
    return "its answers come from elsewhere and were given under other settings"


def _kind_of(request: str) -> dict[str, Any]:
    """What is sent besides the problem itself and the sample's number."""
    told: dict[str, Any] = json.loads(request)
    system = [m for m in told.get("messages", ()) if m.get("role") == "system"]
    sampling = {key: value for key, value in (told.get("sampling") or {}).items() if key != "seed"}
    return {**told, "messages": system, "sampling": sampling, "sample": 0}


def _changes(settings: str, samples: int, before: Sequence[tuple[str, int]]) -> str:
    """`sampling.temperature: 0.6 → 0.9`, against the newest settings that were paid for."""
    rest, correct = _apart(settings)
    same = [(*_apart(text), then) for text, then in before if _apart(text)[0] == rest]
    if same:
        _, wanted, then = same[0]
        return f"samples: {then} → {samples}" if then < samples else f"until.correct: {wanted} → {correct}"
    old, new = _flat(_apart(before[0][0])[0]), _flat(rest)
    keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    parts = [f"{key}: {_short(old.get(key))} → {_short(new.get(key))}" for key in keys[:4]]
    return "its answers were given under other settings (" + "; ".join(parts) + ")"


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    leaves: dict[str, Any] = {}
    for key, item in value.items():
        leaves.update(_flat(item, f"{path}.{key}" if path else str(key)))
    return leaves


def _short(value: Any) -> str:
    text = "unset" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:39] + "…"
