"""People with prompts of their own: a JSONL file in, a row a sample out, the same journal and guarantees.

The file is read twice and never held: once to ask, once to write the answers, in the file's order, out of the journal.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from cotkit.distill.engine import Failure, Outcome, Tally
from cotkit.distill.guard import Confirm, settings_text
from cotkit.distill.journal import Journal
from cotkit.distill.paid import must_be_a_file, spare
from cotkit.distill.prompt import DEFAULT_USER, Message, Prompt
from cotkit.distill.recording import load_recording
from cotkit.distill.request import Request, build
from cotkit.distill.teacher import Budget, Limits, Sampling, Teacher
from cotkit.distill.traces import Consent, Told, distill_prompts, make_trace
from cotkit.distill.wire import excerpt
from cotkit.errors import InputError, StorageError
from cotkit.records import Trace

_BITE = 256
# What the output row says of a request without an answer.
_REFUSED = ("refused", "bad_request", "prompt_too_long")


@dataclass(frozen=True)
class Job:
    """One file and how it is asked.

    Attributes:
        id_column: its value comes back as `id`; each row must have it. Unset: the column id, or else the line's
            number.
        prompt_column: text, or a list of chat messages.
        template: "none" sends a text as it is; "default" wraps it as the distill step does; else the text of a
            template with {problem} in it.
    """

    path: Path
    teacher: Teacher
    sampling: Sampling
    limits: Limits
    journal: Path
    samples: int = 1
    id_column: str | None = None
    prompt_column: str = "prompt"
    template: str = "none"
    limit: int | None = None
    budget: Budget | None = None


@dataclass
class Result:
    """What came of it: rows by status, failures by reason, and money."""

    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    passing: int = 0
    usd: Decimal | None = None
    tally: Tally = field(default_factory=Tally)


def ask_file(
    job: Job,
    out: Path | None,
    *,
    confirm: Confirm | None = None,
    note: Callable[[str], None] = lambda _: None,
    advance: Callable[[Told], None] = lambda _: None,
) -> Result:
    """Ask all prompts of the file and write one row a sample to `out` (stdout where it is None).

    Raises InputError with the line of a bad prompt, before anything is asked of it; TeacherError, StorageError,
    RecipeError as distill_prompts does, and where `out` is the journal or the file itself.
    """
    spare(out, job.journal, job.path, job.teacher.replay)
    total, system = _survey(job)
    failures: dict[int, Failure] = {}
    result = Result(rows=total * job.samples)

    def hear(told: Told) -> None:
        if told.failure is not None:
            failures[told.index] = told.failure
            result.reasons[told.failure.reason] += 1
            result.passing += told.failure.passing
        if told.trace.cost_usd is not None:
            result.usd = (result.usd or Decimal(0)) + Decimal(str(told.trace.cost_usd))
        result.statuses[status_of(told.trace, told.failure)] += 1
        advance(told)

    consent = Consent(
        settings_text(job.teacher, job.sampling, system or job.template),
        confirm,
        f"up to {total * job.samples:,} answers would be",
    )
    result.tally = distill_prompts(
        _named(job),
        job.teacher,
        job.sampling,
        job.limits,
        job.journal,
        hear,
        job.samples,
        budget=job.budget,
        charged=_named(job),
        consent=consent,
        note=note,
    )
    with _writing(out) as file:
        for row in _rows(job, failures):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return result


def read_prompts(job: Job) -> Iterator[tuple[Any, list[Message]]]:
    """(id, messages) of each line; raises InputError with the line's number, or where the file cannot be read twice."""
    prompt = _prompt(job.template)
    must_be_a_file(job.path)
    try:
        with job.path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(islice((x for x in lines if x.strip()), job.limit), 1):
                row = _row(job, line, number)
                yield _id(job, row, number), _messages(job, row, number, prompt)
    except OSError as error:
        raise InputError(f"{job.path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{job.path}: this is no UTF-8 text; save it as UTF-8") from error


def _survey(job: Job) -> tuple[int, str | None]:
    """(number of prompts, the system message that all of them begin with); raises as read_prompts does."""
    total, common = 0, None
    for _, messages in read_prompts(job):
        system = messages[0]["content"] if messages[0]["role"] == "system" else None
        common = system if total == 0 or system == common else None
        total += 1
    return total, common


def _named(job: Job) -> Iterator[tuple[str, list[Message]]]:
    return ((str(name), messages) for name, messages in read_prompts(job))


def _id(job: Job, row: Mapping[str, Any], number: int) -> Any:
    """The row's name, in the type in which it came; it must be possible to write it again."""
    name = row.get(job.id_column or "id", number)
    if job.id_column is not None and job.id_column not in row:
        raise InputError(
            f"{job.path}, row {number}: there is no column '{job.id_column}'; it has {_columns(row)}; name one with "
            "--id-column"
        )
    try:
        json.dumps(name, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{job.path}, row {number}: its id holds half a character (a lone surrogate); mend it"
        ) from None
    return name


def _columns(row: Mapping[str, Any]) -> str:
    return ", ".join(excerpt(str(name), 40) for name in row) or "no columns"


def _prompt(template: str) -> Prompt | None:
    if template == "none":
        return None
    return Prompt(user=DEFAULT_USER if template == "default" else template)


def _row(job: Job, line: str, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{job.path}, row {number}: this is no JSON ({error}); write one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"{job.path}, row {number}: a JSON object is expected; write one object a line")
    return row


def _messages(job: Job, row: Mapping[str, Any], number: int, prompt: Prompt | None) -> list[Message]:
    value = row.get(job.prompt_column)
    if isinstance(value, str) and value.strip():
        return [{"role": "user", "content": value}] if prompt is None else prompt.messages(value)
    if isinstance(value, str) or value == []:
        raise InputError(f"{job.path}, row {number}: '{job.prompt_column}' is empty; fill it or take the row out")
    good = isinstance(value, list) and all(
        isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str) for m in value
    )
    if good and value:
        return [{"role": m["role"], "content": m["content"]} for m in value]
    raise InputError(
        f"{job.path}, row {number}: '{job.prompt_column}' must be a text or a list of messages with role and content; "
        f"it has {_columns(row)}; name the column with --prompt-column"
    )


def _rows(job: Job, failures: Mapping[int, Failure]) -> Iterator[dict[str, Any]]:
    """The output, in the file's order, out of the journal or the recording."""

    def requests() -> Iterator[tuple[Any, int, Request]]:
        for number, (name, messages) in enumerate(read_prompts(job)):
            for sample in range(job.samples):
                index = number * job.samples + sample
                yield name, sample, build(job.teacher, job.sampling, messages, sample, index)

    with _answers(job) as look:
        pending = requests()
        while bite := list(islice(pending, _BITE)):
            found = look([request.hash for _, _, request in bite])
            for name, sample, request in bite:
                outcome = found.get(request.hash) or failures.get(request.index)
                if outcome is None:
                    outcome = Failure("failed", "no answer was kept", passing=True)
                yield _as_row(job, name, sample, request, outcome)


@contextmanager
def _answers(job: Job) -> Iterator[Callable[[Sequence[str]], Mapping[str, Outcome]]]:
    if job.teacher.replay is not None:
        entries = load_recording(job.teacher.replay).entries
        yield lambda hashes: {h: entries[h] for h in hashes if h in entries}
        return
    with Journal.open(job.journal) as journal:
        yield journal.get_many


def _as_row(job: Job, name: Any, sample: int, request: Request, outcome: Outcome) -> dict[str, Any]:
    trace, failure = make_trace(str(name), sample, request.hash, outcome, job.teacher, {}, job.teacher.pricing())
    usage = {
        "prompt_tokens": trace.prompt_tokens,
        "completion_tokens": trace.completion_tokens,
        "reasoning_tokens": trace.reasoning_tokens,
        "cost_usd": trace.cost_usd,
    }
    return {
        "id": name,
        "sample": sample,
        "reasoning": trace.reasoning,
        "response": trace.response,
        "reasoning_kind": trace.reasoning_kind,
        "finish_reason": trace.finish_reason,
        "usage": usage,
        "status": status_of(trace, failure),
        "error": trace.error,
        "request_hash": request.hash,
    }


def status_of(trace: Trace, failure: Failure | None) -> str:
    """done, length, unclosed, empty, filtered, refused or failed."""
    if failure is None:
        return trace.status
    return "refused" if failure.reason in _REFUSED else "failed"


@contextmanager
def _writing(out: Path | None) -> Iterator[TextIO]:
    """Stdout, or a file that is there whole or not at all."""
    if out is None:
        yield sys.stdout
        return
    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(out)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written ({error.strerror}); check the folder and the disk") from error
    finally:
        fresh.unlink(missing_ok=True)
