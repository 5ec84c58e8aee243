"""Many pairs at once, over worker processes that each grade whole batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cotkit.cores import processes
from cotkit.verify.grade import Reference, Verdict, references
from cotkit.verify.policy import DEFAULT, Policy
from cotkit.verify.pool import Pool
from cotkit.verify.question import facts

BATCH = 64


@dataclass(frozen=True)
class Pair:
    """One candidate to grade; fields as the arguments of `grade`."""

    reference: Reference
    candidate: str | None
    question: str | None = None
    choices: tuple[str, ...] = ()


Pairs = Iterable[Pair | tuple[Reference, str | None] | tuple[Reference, str | None, str | None]]


def grade_many(
    pairs: Pairs,
    workers: int | None = None,
    *,
    policy: Policy | None = None,
    cpu_s: float = 1.0,
    memory_mb: int = 1024,
    on_verdicts: Callable[[Sequence[Verdict]], None] | None = None,
) -> list[Verdict]:
    """The verdict of every pair, in order. Never raises on any text; a pair that runs long is undecided.

    Args:
        pairs: `Pair`, or (reference, candidate) or (reference, candidate, question).
        workers: processes; None for one on each processor.
        policy: what counts as the same; None for the defaults.
        cpu_s: seconds of CPU for one pair.
        memory_mb: memory of one process in MiB.
        on_verdicts: hears of every finished batch, for progress.
    """
    asked = [pair if isinstance(pair, Pair) else Pair(*pair) for pair in pairs]
    # identical pairs are graded once
    distinct = list(dict.fromkeys(map(_message, asked)))
    rules = (policy or DEFAULT).model_dump()
    batches = [distinct[start : start + BATCH] for start in range(0, len(distinct), BATCH)]
    count = max(1, min(processes(workers), len(batches)))
    found: dict[_Message, Verdict] = {}
    with Pool(count, cpu_s, memory_mb) as pool, ThreadPoolExecutor(count) as threads:

        def run(batch: Sequence[_Message]) -> list[Verdict]:
            return [Verdict(*line) for line in pool.grade(rules, [_plain(message) for message in batch])]

        try:
            for batch, verdicts in zip(batches, threads.map(run, batches), strict=True):
                found.update(zip(batch, verdicts, strict=True))
                if on_verdicts is not None:
                    on_verdicts(verdicts)
        finally:  # Ctrl-C must not wait for the batches still queued
            threads.shutdown(wait=False, cancel_futures=True)
    return [found[_message(pair)] for pair in asked]


_Message = tuple[tuple[str, ...], str | None, tuple[str, ...], int | None, bool]


def _message(pair: Pair) -> _Message:
    """What a worker needs of a pair: reference, candidate, options, decimals, whether only a proof is asked for."""
    known = facts(pair.question if isinstance(pair.question, str) else None)
    reference = tuple(references(pair.reference))
    candidate = pair.candidate if isinstance(pair.candidate, str) else None
    return reference, candidate, tuple(map(str, pair.choices)) or known.choices, known.places, known.proof


def _plain(message: _Message) -> list[Any]:
    return [list(message[0]), *message[1:]]
