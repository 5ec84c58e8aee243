"""The tests of a problem, in the three forms that data sets give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cotkit.verify.code.policy import Comparison

# (input or arguments, expected, got) -> accepted? The caller's own code: it runs in this process.
Checker = Callable[[Any, Any, Any], bool]
Relation = Literal["equal", "true", "false", "member", "close"]
Wrap = Literal["", "len", "list", "set", "sorted", "tuple"]


@dataclass(frozen=True)
class Linked:
    """A ListNode chain by its values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Tree:
    """A TreeNode tree by its values, level by level with None for gaps, as LeetCode writes it."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Pairs:
    """A dict as a judged process sent it. Never a dict here: numbers that hash alike would take it hours to build."""

    items: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Bag:
    """A set as a judged process sent it; not a set for the same reason."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Opaque:
    """A returned object that is no plain value. It equals nothing."""

    name: str


@dataclass(frozen=True)
class StdinCase:
    """A text on stdin and the outputs that are accepted."""

    input: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class CallCase:
    """A call and what must hold of its result: `wrap(result) relation expected`.

    member: the result is one of `expected`; close: within `tolerance` of it.
    """

    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    expected: Any
    relation: Relation = "equal"
    wrap: Wrap = ""
    tolerance: float | None = None


@dataclass(frozen=True)
class CodeTests:
    """Tests of one problem. Exactly one form is filled, or `unreadable` says why none is.

    Args:
        stdin: programs that read stdin and print.
        calls: calls of the function `entry` (of class Solution, or of the module).
        script: test code that is more than calls and expected values; it runs in a sandbox of its own and
            asks for the results of `asked`, the functions it uses and does not define.
        compare: how outputs are compared; None: as the policy says.
        checker: accepts or refuses one output; asked instead of the comparison, stdin and call forms.
    """

    stdin: tuple[StdinCase, ...] = ()
    calls: tuple[CallCase, ...] = ()
    entry: str | None = None
    script: str = ""
    asked: tuple[str, ...] = ()
    compare: Comparison | None = None
    checker: Checker | None = None
    unreadable: str = ""

    @property
    def total(self) -> int:
        """How many tests there are; a script counts as one."""
        return len(self.stdin) or len(self.calls) or (1 if self.script else 0)
