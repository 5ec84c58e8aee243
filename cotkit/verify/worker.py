"""The far side of pool.py: reads requests from stdin, answers on stdout, one JSON line each.

Started as `python -m cotkit.verify.worker MEMORY_MB CPU_S`. Requests: ["prove", a, b] for two trees, answered by
[equal, reason]; ["grade", policy, pairs] for a batch, answered by one line for each pair.

The kernel ends this process when a pair has used CPU_S seconds of CPU (ITIMER_PROF, whose signal is left at its
default): that needs no thread, works while sympy is inside one big-integer operation, and does not count the time
that a busy machine gives to others. What was answered before is on the pipe by then.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, TextIO

MEMO = 20_000


def _limit(memory_mb: int) -> None:
    try:
        import resource

        size = memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):  # no such limit on this system; the clock still holds
        pass


def _clock(cpu_s: float) -> None:
    """Seconds of CPU that are left to live; 0 for no limit."""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)


def _equivalent(a: Any, b: Any) -> tuple[bool | None, str]:
    from cotkit.verify.symbolic import equivalent

    try:
        return equivalent(a, b)
    except MemoryError:
        return None, "out_of_memory"
    except RecursionError:
        return None, "too_deep"
    except Exception as error:  # noqa: BLE001 - whatever sympy raises on odd input, the pair is undecided
        return None, f"sympy_error: {type(error).__name__}"


def _prove(request: list[Any], cpu_s: float) -> tuple[bool | None, str]:
    import sympy  # noqa: F401 - loaded before the clock starts

    from cotkit.verify.tree import decode

    _clock(cpu_s)
    found = _equivalent(decode(request[1]), decode(request[2]))
    _clock(0)
    return found


def _batch(policy: Any, pairs: list[Any], cpu_s: float, out: TextIO, memo: dict[str, str]) -> None:
    """One line for each pair; what came before is sent off when sympy is about to start."""
    from cotkit.verify.grade import final_answer, judged
    from cotkit.verify.policy import Policy
    from cotkit.verify.question import Facts

    rules = Policy.model_validate(policy)

    def prove(a: Any, b: Any) -> tuple[bool | None, str]:
        left = signal.getitimer(signal.ITIMER_PROF)[0]
        _clock(0)
        out.flush()
        import sympy  # noqa: F401

        _clock(left)
        return _equivalent(a, b)

    for reference, candidate, choices, places, proof in pairs:
        known = Facts(tuple(choices), places, proof)
        _clock(cpu_s)
        try:
            found = final_answer(candidate, known)
            # several samples of one problem often end in one answer
            key = json.dumps([policy, reference, astuple(found), choices, places, proof])
            if key not in memo:
                memo[key] = json.dumps(astuple(judged(reference, found, known, rules, prove)))
            line = memo[key]
        except (MemoryError, RecursionError, ArithmeticError, ValueError, TypeError, LookupError) as error:
            line = json.dumps(["undecided", None, None, "none", f"error: {type(error).__name__}"])
        _clock(0)
        out.write(line + "\n")
        if len(memo) > MEMO:
            memo.clear()
    out.flush()


def main() -> None:
    """Serve until stdin closes."""
    _limit(int(sys.argv[1]))
    cpu_s = float(sys.argv[2])
    out = sys.stdout
    memo: dict[str, str] = {}
    answer: dict[str, Callable[[list[Any]], None]] = {
        "prove": lambda request: print(json.dumps(_prove(request, cpu_s)), file=out, flush=True),
        "grade": lambda request: _batch(request[1], request[2], cpu_s, out, memo),
    }
    for line in sys.stdin:
        request = json.loads(line)
        answer[request[0]](request)


if __name__ == "__main__":
    main()
