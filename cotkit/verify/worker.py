"""The far side of pool.py: reads pairs of trees from stdin, answers on stdout, one JSON line each.

Started as `python -m cotkit.verify.worker MEMORY_MB`. For every item it writes "begin" when it starts, so
that the parent's clock does not count the wait, and then [equal, reason].
"""

from __future__ import annotations

import json
import sys
from typing import Any

# Above the parent's own limit: ends a worker whose parent was killed while sympy ran.
_GRACE_S = 5


def _limit(memory_mb: int) -> None:
    try:
        import resource

        size = memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):  # no such limit on this system; the clock still holds
        pass


def _limit_cpu(seconds: float) -> None:
    try:
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime + seconds + _GRACE_S), hard))
    except (ImportError, OSError, ValueError):
        pass


def _answer(request: list[Any]) -> tuple[bool | None, str]:
    from cotkit.verify.symbolic import equivalent
    from cotkit.verify.tree import decode

    try:
        return equivalent(decode(request[1]), decode(request[2]))
    except MemoryError:
        return None, "out_of_memory"
    except RecursionError:
        return None, "too_deep"
    except Exception as error:  # noqa: BLE001 - whatever sympy raises on odd input, the pair is undecided
        return None, f"sympy_error: {type(error).__name__}"


def main() -> None:
    """Serve until stdin closes."""
    _limit(int(sys.argv[1]))
    import sympy  # noqa: F401 - loaded before the first clock starts

    out = sys.stdout

    def say(message: Any) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    say("ready")
    for line in sys.stdin:
        request = json.loads(line)
        _limit_cpu(request[0])
        say("begin")
        say(_answer(request))


if __name__ == "__main__":
    main()
