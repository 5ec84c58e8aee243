"""Provider batch files (OpenAI's /v1/batches) behind the same journal.

A batch that is out is written down before and after it is made, so that a run that was killed finds it again
instead of paying for a second one. What a batch leaves out is sent again, alone.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cotkit import __version__
from cotkit.distill.client import fault_of, hidden_headers, open_client, without
from cotkit.distill.engine import Asking, Failure, Outcome, Tally
from cotkit.distill.faults import Fault, PassingFault, Refusal
from cotkit.distill.feed import Feed
from cotkit.distill.journal import Entry, Refused
from cotkit.distill.request import Request, canonical
from cotkit.distill.teacher import Batch
from cotkit.distill.wire import Answer, NoAnswer, excerpt, read_answer
from cotkit.errors import TeacherError

if TYPE_CHECKING:
    import openai

_ATTEMPTS = 3
# Longest wait before a batch is looked for that may have been made.
_LOOK_S = 10.0
# Of 100 batches each.
_MOST_PAGES = 1000
# Answers that are read back at once.
_BITE = 256
_OVER = ("completed", "expired", "failed", "cancelled")


@dataclass
class _Out:
    """A batch that the provider works on."""

    batch_id: str
    texts: dict[str, str]  # request hash -> its canonical text


async def ask_batches(requests: Iterable[Request], asking: Asking, batch: Batch) -> Tally:
    """As engine.ask_all, through batch files. Takes minutes to a day; stop it when you like, it finds its batches.

    Raises TeacherError where the provider refuses a file or a key.
    """
    run = _Run(asking, batch)
    feed = Feed(requests, asking.journal, run.known, not asking.limits.retry_refused)
    async with open_client(asking.teacher, asking.limits, asking.key) as client:
        run.client = client
        try:
            out = await run.earlier()
            await run.collect(out)  # what earlier runs sent off is taken in before anything is asked anew
            if asking.purse.limited:
                asking.charge()
            waves: list[list[Request]] = [[]]
            size = 0
            while True:
                request = await feed.next()
                if request is None:
                    break
                if not run.affordable(request):
                    for equal in feed.settle(request, False):
                        run.lose(equal, Failure("over_budget", "the budget does not bear this request", passing=True))
                    continue
                length = len(run.line(request))
                if len(waves[-1]) >= batch.most_requests or size + length > batch.most_mb * 1e6:
                    waves.append([])
                    size = 0
                waves[-1].append(request)
                size += length
            if waves[0]:
                asking.before(waves[0][0])
                await asyncio.gather(*(run.wave(wave, feed) for wave in waves if wave))
        except Fault as fault:
            raise TeacherError(_sentence(asking, fault.message)) from None
    if run.tally.over_budget:
        asking.purse.out = True
        run.tally.said.append(asking.purse.sentence())
    return run.tally


class _Run:
    def __init__(self, asking: Asking, batch: Batch) -> None:
        self.asking = asking
        self.batch = batch
        self.tally = Tally()
        self.headers = hidden_headers(asking.key)
        self.client: openai.AsyncOpenAI

    def line(self, request: Request) -> bytes:
        body = {key: value for key, value in request.body.items() if key not in ("stream", "stream_options")}
        row = {"custom_id": request.hash, "method": "POST", "url": "/v1/chat/completions", "body": body}
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"

    def affordable(self, request: Request) -> bool:
        """Set the request's cost aside if the budget bears it."""
        purse = self.asking.purse
        if not purse.limited:
            return True
        reserve = purse.expect(len(request.text))
        if purse.fits(reserve):
            purse.hold(reserve)
            return True
        return False

    async def wave(self, requests: list[Request], feed: Feed) -> None:
        """Send one file, and again what is missing, until all have an outcome."""
        missing = {r.hash: r for r in requests}
        last: dict[str, Failure] = {}
        for _ in range(self.batch.rounds):
            if not missing:
                return
            failures = await self.collect([await self.submit(list(missing.values()))])
            last |= failures
            names = list(missing)
            for start in range(0, len(names), _BITE):
                found = self.asking.journal.get_many(names[start : start + _BITE])
                for name, entry in found.items():
                    for equal in feed.settle(missing.pop(name), True):
                        self.told(equal, entry)
            for name, failure in failures.items():
                if not failure.passing and name in missing:
                    now = datetime.now(UTC).isoformat(timespec="seconds")
                    refused = Refused(name, failure.reason, failure.message, failure.http_status, now)
                    await self.asking.journal.put(refused)
                    for equal in feed.settle(missing.pop(name), False):
                        self.lose(equal, failure)
        for name, request in missing.items():
            failure = last.get(name) or Failure("left_out", "the batch came back without this request", passing=True)
            for equal in feed.settle(request, False):
                self.lose(equal, failure)

    async def submit(self, requests: list[Request]) -> _Out:
        """Upload a file and make a batch of it; both are written down."""
        data = b"".join(map(self.line, requests))
        mark = uuid.uuid4().hex  # the same file may be sent in two rounds: each batch has a name of its own
        texts = {r.hash: r.text for r in requests}
        self._write_down(f"planned:{mark}", texts, "planned")
        file = await self._call(
            self.client.files.create(file=("cotkit.jsonl", data), purpose="batch", extra_headers=self.headers)
        )
        identity = await self._make(file.id, mark)
        self.tally.requests += len(requests)
        self._write_down(identity, texts, "out")
        self._forget(f"planned:{mark}")
        return _Out(identity, texts)

    async def _make(self, file: str, mark: str) -> str:
        """Make a batch of a file; returns its id. A fault may hide one that was made: it is looked for, not made anew.

        Where none is found, the plan stays written down, and a later run looks again before it pays.
        """
        once = self.client.with_options(max_retries=0)
        attempts = 0
        while True:
            attempts += 1
            try:
                made = await self._call(
                    once.batches.create(
                        input_file_id=file,
                        endpoint="/v1/chat/completions",
                        completion_window=self.batch.window,  # type: ignore[arg-type]
                        metadata={"cotkit": mark},
                        extra_headers=self.headers,
                    )
                )
                return str(made.id)
            except PassingFault:
                # A batch may show in the list a little later than it was made.
                await asyncio.sleep(min(self.batch.poll_s, _LOOK_S))
                found = await self._find(mark)
                if found is not None:
                    return found
                if attempts == _ATTEMPTS:
                    raise

    async def _find(self, mark: str) -> str | None:
        """The id of the batch with our mark, on whichever page of the account's list it stands."""
        seen: set[str] = set()
        after: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            page = await self._call(self.client.batches.list(limit=100, extra_headers=self.headers, **after))
            found = next((b.id for b in page.data if (b.metadata or {}).get("cotkit") == mark), None)
            fresh = {b.id for b in page.data} - seen
            if found is not None or not fresh or not page.has_more:
                return found
            seen |= fresh
            after = {"after": page.data[-1].id}
        return None

    async def earlier(self) -> list[_Out]:
        """Batches of earlier runs that are still out, also one whose number was never heard."""
        sql = "SELECT batch_id, requests FROM batches WHERE base_url = ? AND state IN ('out', 'planned')"
        found = []
        for name, texts in self.asking.journal.read(sql, (self.asking.teacher.base_url,)):
            identity: str | None = name
            if name.startswith("planned:"):
                mark = name.removeprefix("planned:")
                identity = await self._find(mark)
                if identity is not None:
                    self._write_down(identity, json.loads(texts), "out")
                self._forget(name)
            if identity is not None:
                found.append(_Out(identity, json.loads(texts)))
        return found

    async def collect(self, out: list[_Out]) -> dict[str, Failure]:
        """Wait for batches and keep what they bring; returns the failures by hash."""
        failures: dict[str, Failure] = {}
        waiting = list(out)
        while waiting:
            for one in list(waiting):
                state = await self._call(self.client.batches.retrieve(one.batch_id, extra_headers=self.headers))
                if state.status not in _OVER:
                    continue
                for file in (state.output_file_id, state.error_file_id):
                    if file:
                        content = await self._call(self.client.files.content(file, extra_headers=self.headers))
                        failures |= self._take_in(content.content, one)
                if state.status == "failed" and not state.output_file_id:
                    self._forget(one.batch_id)
                    errors = state.errors.data if state.errors is not None and state.errors.data else []
                    said = "; ".join(str(e.message) for e in errors[:3]) or "no reason given"
                    said = without(self.asking.key, said.encode()).decode()
                    raise Refusal("batch_failed", f"the provider refuses the batch file: {excerpt(said)}")
                self._write_down(one.batch_id, {}, state.status)
                waiting.remove(one)
            if waiting:
                await asyncio.sleep(self.batch.poll_s)
        return failures

    def _take_in(self, content: bytes, out: _Out) -> dict[str, Failure]:
        """Answers into the journal in one transaction; failures are returned. Foreign and broken lines are left."""
        entries: list[Entry] = []
        failures: dict[str, Failure] = {}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for raw in without(self.asking.key, content).splitlines():
            try:
                row = json.loads(raw)
                name, response = str(row["custom_id"]), row.get("response") or {}
                status, body = int(response.get("status_code") or 0), canonical(response.get("body")).encode()
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue
            if name not in out.texts:
                continue
            answer = read_answer(body) if status == 200 else NoAnswer(str(row.get("error")))
            if isinstance(answer, Answer):
                mark = canonical({"batch": out.batch_id})
                entries.append(Entry(name, out.texts[name], body, 200, 0.0, now, __version__, mark))
                continue
            fault = PassingFault("malformed_answer", answer.message) if status in (0, 200) else fault_of(status, body)
            failures[name] = Failure(fault.reason, fault.message, isinstance(fault, PassingFault), 1, status or None)
        self.asking.journal.put_all(entries)
        return failures

    def _write_down(self, name: str, texts: dict[str, str], state: str) -> None:
        sql = "INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?)"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.asking.journal.write(sql, (name, self.asking.teacher.base_url, json.dumps(texts), now, state))

    def _forget(self, name: str) -> None:
        self.asking.journal.write("DELETE FROM batches WHERE batch_id = ?", (name,))

    async def _call(self, call: Any) -> Any:
        """One call of the client, retried by it; its errors as faults."""
        import openai

        try:
            return await call
        except openai.APIStatusError as error:
            raise fault_of(error.status_code, error.response.content, error.response.headers, self.asking.key) from None
        except openai.APIConnectionError:
            raise PassingFault("unreachable", "no connection") from None

    def known(self, request: Request, found: Entry | Refused) -> None:
        self.tally.journaled += 1
        if isinstance(found, Refused):
            self.lose(request, Failure(found.reason, found.message, passing=False, http_status=found.http_status))
        else:
            self.told(request, found, paid=self.asking.purse.limited)

    def told(self, request: Request, entry: Entry, paid: bool = False) -> None:
        """`paid`: the budget was charged with it already."""
        answer = read_answer(entry.body)
        outcome: Outcome = entry
        if isinstance(answer, Answer) and not paid:
            self.asking.purse.pay(entry, answer.usage)
        self.asking.on_outcome(request, outcome, answer if isinstance(answer, Answer) else None)

    def lose(self, request: Request, failure: Failure) -> None:
        if failure.reason == "over_budget":
            self.tally.over_budget += 1
        self.asking.on_outcome(request, failure, None)


def _sentence(asking: Asking, message: str) -> str:
    return (
        f"the teacher {asking.teacher.model} at {asking.teacher.host} says no to a batch: {message}; check the key, "
        "the model and whether it offers /batches; what was answered is kept, and running again continues there"
    )
