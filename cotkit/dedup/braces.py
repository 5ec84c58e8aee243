"""Resolve LaTeX commands and groups into plain tokens, iteratively: hostile nesting costs memory, not the stack."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cotkit.dedup.symbols import COMMANDS, ENVIRONMENTS, FRACTIONS, LAYOUT, SKIPPED, WRAPPERS

_NAME = re.compile(r"\{([^{}]*)\}")
# Real formulas nest a few levels. Deeper marks are skipped, so that a hostile text costs linear time.
_DEPTH = 30
_WAITING = 6
_ESCAPED = {"{": "(", "}": ")", "%": "%", "#": "#", "_": "_", "|": "|", "$": "", "&": ""}


@dataclass
class _Pending:
    """A command that waits for its arguments."""

    wanted: int
    combine: Callable[[list[list[str]]], list[str]]
    bare: bool  # True: the argument's braces mean nothing
    digits: bool  # True: \frac12 takes one digit at a time
    arguments: list[list[str]] = field(default_factory=list)


@dataclass
class _Frame:
    """An open group."""

    bare: bool = False
    out: list[str] = field(default_factory=list)
    pending: list[_Pending] = field(default_factory=list)


def resolve(raw: list[str]) -> list[str]:
    """Tokens with commands replaced by what they mean and groups by round brackets, where they need any.

    `raw`: matches of the token pattern on lower-cased text. An unclosed group ends with the text.
    """
    queue = deque(raw)
    frames = [_Frame()]
    skipped = 0
    while queue:
        piece = queue.popleft()
        frame = frames[-1]
        if piece == "{" and len(frames) > _DEPTH:
            skipped += 1
        elif piece == "}" and skipped:
            skipped -= 1
        elif piece == "{":
            frames.append(_Frame(bare=bool(frame.pending) and frame.pending[-1].bare))
        elif piece == "}":
            if len(frames) > 1:
                _close(frames)
        elif piece.startswith("\\") and len(piece) > 1:
            _command(piece, frame)
        elif frame.pending and frame.pending[-1].digits and len(piece) > 1 and piece.isalnum():
            queue.appendleft(piece[1:])
            _deliver(frame, [piece[0]])
        else:
            _deliver(frame, [_plain(piece)])
    while len(frames) > 1:
        _close(frames)
    while frames[0].pending:
        _flush(frames[0])
    return [piece for piece in frames[0].out if piece]


def _plain(piece: str) -> str:
    if piece[0] == ".":
        return "0" + piece if len(piece) > 1 else piece
    return piece.replace(",", "") if piece[0].isdigit() else piece


def _close(frames: list[_Frame]) -> None:
    frame = frames.pop()
    while frame.pending:
        _flush(frame)
    inside = [piece for piece in frame.out if piece]
    _deliver(frames[-1], inside if frame.bare else grouped(inside))


def grouped(tokens: list[str]) -> list[str]:
    """In round brackets where there is more than one token."""
    return tokens if len(tokens) < 2 else ["(", *tokens, ")"]


def _deliver(frame: _Frame, tokens: list[str]) -> None:
    """Hand an atom to the innermost waiting command, or to the output; a full command is an atom again."""
    while frame.pending:
        pending = frame.pending[-1]
        pending.arguments.append(tokens)
        if len(pending.arguments) < pending.wanted:
            return
        frame.pending.pop()
        tokens = pending.combine(pending.arguments)
    frame.out.extend(tokens)


def _flush(frame: _Frame) -> None:
    """A command whose arguments never came gives what it has."""
    pending = frame.pending.pop()
    missing = pending.wanted - len(pending.arguments)
    _deliver(frame, pending.combine([*pending.arguments, *([[]] * missing)]))


def _fraction(arguments: list[list[str]]) -> list[str]:
    return [*arguments[0], "/", *arguments[1]]


def _first(arguments: list[list[str]]) -> list[str]:
    return arguments[0]


def _nothing(_: list[list[str]]) -> list[str]:
    return []


def _modulo(arguments: list[list[str]]) -> list[str]:
    return ["(", "mod", *arguments[0], ")"]


def _command(piece: str, frame: _Frame) -> None:
    if piece.startswith(("\\begin", "\\end")) and (found := _NAME.search(piece)):
        name = found[1].strip(" *")
        if name not in ENVIRONMENTS and name.isalpha():
            _deliver(frame, [name])
        return
    name = piece[1:].rstrip("*")
    if len(frame.pending) >= _WAITING:
        return
    if name in FRACTIONS:
        frame.pending.append(_Pending(2, _fraction, bare=False, digits=True))
    elif name == "pmod":
        frame.pending.append(_Pending(1, _modulo, bare=True, digits=False))
    elif name in WRAPPERS:
        frame.pending.append(_Pending(1, _first, bare=True, digits=False))
    elif name in SKIPPED:
        frame.pending.append(_Pending(1, _nothing, bare=True, digits=False))
    elif name in LAYOUT:
        return
    elif name.isalpha():
        _deliver(frame, [COMMANDS.get(name, name)])
    elif _ESCAPED.get(name):
        _deliver(frame, [_ESCAPED[name]])
