"""Scores of steps by a process reward model, for strategies: what it replied is kept and not asked again.

The replies lie in a file of their own beside the journal: they are no chat answers, and nobody is paid by the token. A
search that is killed must hear the same scores again, or it would turn elsewhere and pay for other answers.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cotkit import __version__
from cotkit.distill.client import without
from cotkit.distill.converse import Answers
from cotkit.distill.engine import Failure
from cotkit.distill.journal import Entry, Journal, look_into
from cotkit.distill.request import canonical, hash_text
from cotkit.distill.strategies import Rated, Reply
from cotkit.errors import TeacherError
from cotkit.verify.scorers.prm_server import PrmServer
from cotkit.verify.scorers.prm_wires import Misaligned
from cotkit.verify.scorers.remote import Ask, NotScored

_TRIAL = Rated("What is 1 + 1?", ["One and one more.", "So it is 2."])


def beside(journal: Path) -> Path:
    """Where the scores lie: `journal-scores.sqlite` beside `journal.sqlite`."""
    return journal.with_name(f"{journal.stem}-scores{journal.suffix}")


def _name(one: Rated) -> tuple[str, tuple[str, ...], int]:
    return one.problem, tuple(one.steps), one.start


def _last(names: Sequence[str]) -> str:
    return names[-1] if names else ""


class Rater:
    """Gets steps scored.

    Attributes:
        requests, journaled: of the last call: what was sent, and what was there already.
    """

    def __init__(self, prm: PrmServer, journal: Path) -> None:
        self._prm = prm.model_copy(update={"url": prm.root})
        self._key = os.environ.get(prm.api_key_env, "").strip() if prm.api_key_env is not None else None
        self._journal = journal
        self.requests = self.journaled = 0

    def __call__(self, asked: Sequence[Rated]) -> Answers:
        """A reply for each, in order; its `scores` are None where the model has none for these very steps.

        Raises TeacherError where the server refuses for good, StorageError where the file cannot be used.
        """
        self.requests = self.journaled = 0
        turn = threading.Lock()
        different = {_name(one): one for one in asked}
        with (
            Journal.open(self._journal) as journal,
            self._prm.asking() as post,
            ThreadPoolExecutor(self._prm.at_once) as threads,
        ):
            try:
                told = threads.map(lambda one: self._rated(one, journal, turn, post), different.values())
                found = dict(zip(different, told, strict=True))
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
        return [found[_name(one)] for one in asked]

    def kept(self, one: Rated) -> Reply | None:
        """The reply that lies in the file; None where the server would have to be asked."""
        if not self._journal.is_file():
            return None
        with look_into(self._journal) as journal:

            def ask(path: str, body: Mapping[str, Any]) -> Any:
                hashed = hash_text(self._text(path, body))
                return json.loads(journal.get_many([hashed])[hashed].body)

            try:
                return Reply("", "done", scores=self._prm.rate(ask, one.problem, one.steps, one.start))
            except (KeyError, Misaligned, NotScored):
                return None

    def check(self) -> None:
        """Ask about two plain steps. Raises TeacherError where the answer is no two scores."""
        ((reply, failure),) = self([_TRIAL])
        why = failure.message if failure is not None else reply.error
        if why:
            raise TeacherError(
                f"the process reward model {self._prm.model} gives no scores ({why}); check adapter, url and model"
            )

    def _rated(self, one: Rated, journal: Journal, turn: threading.Lock, post: Ask) -> tuple[Reply, Failure | None]:
        names: list[str] = []
        ask = self._kept(journal, turn, post, names.append)
        try:
            scores = self._prm.rate(ask, one.problem, one.steps, one.start)
        except Misaligned as found:
            self._forget(journal, names)
            counts = json.dumps({"steps": len(one.steps), "scores": found.got})
            return Reply(_last(names), "failed", error=f"prm_misaligned: {counts}"), None
        except NotScored as failed:
            why, told = failed.scored.why, json.dumps(dict(failed.scored.evidence))
            reply = Reply(_last(names), "failed", error=f"{why}: {told}")
            if not failed.scored.is_passing:
                self._forget(journal, names)
            return reply, Failure(why, told, passing=True) if failed.scored.is_passing else None
        return Reply(_last(names), "done", scores=scores), None

    def _text(self, path: str, body: Mapping[str, Any]) -> str:
        return canonical({"url": self._prm.url, "path": path, "body": body})

    @staticmethod
    def _forget(journal: Journal, names: Sequence[str]) -> None:
        """A reply that is no score is not kept: a server that is set right must be asked again."""
        for name in names:
            journal.drop(name)

    def _kept(self, journal: Journal, turn: threading.Lock, post: Ask, name: Callable[[str], None]) -> Ask:
        """Ask the server, or the file where it has the reply; `name` hears what each request is called."""

        def ask(path: str, body: Mapping[str, Any]) -> Any:
            text = self._text(path, body)
            hashed = hash_text(text)
            name(hashed)
            with turn:
                kept = journal.get_many([hashed]).get(hashed)
                self.journaled += kept is not None
            if kept is not None:
                return json.loads(kept.body)
            start = time.monotonic()
            reply = post(path, body)
            latency, now = round(time.monotonic() - start, 3), datetime.now(UTC).isoformat(timespec="seconds")
            # A server may echo its headers; what is kept must not hold the key.
            kept_body = without(self._key, json.dumps(reply).encode())
            journal.keep(Entry(hashed, text, kept_body, 200, latency, now, __version__))
            with turn:
                self.requests += 1
            return reply

        return ask
