"""What judging a program says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cotkit.records import VerdictName

EVIDENCE = 200

# Whose fault a reason is. Everything else is the program's: incorrect.
UNDECIDED = frozenset(
    {
        "no_code",
        "unclosed_reasoning",
        "too_long",
        "no_tests",
        "tests_unreadable",
        "checker_error",
        "sandbox_missing",
        "sandbox_failed",
        "total_time",
    }
)


@dataclass(frozen=True)
class TestVerdict:
    """One test. `reason`: passed, or why not; `evidence`: short texts such as expected, got, error.

    `cpu_s` is the process's where it ran one test, and what the process says where it ran several.
    """

    __test__ = False  # for pytest: this is no test class

    index: int
    value: VerdictName
    reason: str
    cpu_s: float = 0.0
    wall_s: float = 0.0
    evidence: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CodeVerdict:
    """`value` and `reason` are those of the first test that did not pass; all of `total` tests for `passed`.

    `tests` holds those that were run; `sandbox` is the level in force, "" where nothing ran; `program` is
    the code that was judged, `note` how it was found.
    """

    value: VerdictName
    reason: str
    tests: tuple[TestVerdict, ...] = ()
    total: int = 0
    sandbox: str = ""
    program: str | None = None
    note: str = ""

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(test.value == "correct" for test in self.tests)


def value_of(reason: str) -> VerdictName:
    """The verdict that a reason stands for."""
    if reason == "passed":
        return "correct"
    return "undecided" if reason in UNDECIDED else "incorrect"


def short(value: Any) -> str:
    """A value as text of at most EVIDENCE characters, whatever it is."""
    text = value if isinstance(value, str) else _repr(value[:EVIDENCE] if isinstance(value, list) else value)
    return text if len(text) <= EVIDENCE else f"{text[: EVIDENCE - 20]}… ({len(text)} characters)"


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError):  # an integer of more than 4300 digits, or a deep nest
        return f"<{type(value).__name__} too large to print>"
