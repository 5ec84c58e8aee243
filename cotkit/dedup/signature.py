"""What of a problem outlives translation and rewording: its numbers and the pieces of its formulas, in bits.

How much a shared number says depends on how common it is: 2 stands in every second problem, 1729 in next to none.
The table is fixed, not learned from the data at hand, so that a pair is judged the same in any company.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cotkit.dedup.normal import is_number
from cotkit.dedup.symbols import FUNCTIONS, GREEK

_OPERATORS = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "^",
        "=",
        "<",
        ">",
        "<=",
        ">=",
        "!=",
        "!",
        "'",
        "|",
        "+-",
        "-+",
        "∈",
        "->",
        "<->",
        "_",
        "(",
        ")",
        "mod",
        "binom",
        "sqrt",
        "°",
        "%",
    ]
)
_NAMES = (FUNCTIONS | frozenset(GREEK) | {"binom", "infinity", "int", "sum", "prod", "lim"}) - {"mod"}
_LOOSE = 6.0
# A feature in more items than this leads nowhere by itself.
_COMMON = 400
_LOOKED_AT = 30
_FOUND = 5
_SHARE = 0.8
_LEAST = 4.0
_JOINING = _OPERATORS - frozenset(["(", ")"])


@dataclass(frozen=True, slots=True)
class Signature:
    """Features of one text.

    Attributes:
        numbers: numbers written in digits, canonical, without sign -> how often.
        pieces: three tokens of a formula in a row, an operator or a function among them -> how often.
        order: its numbers in order.
    """

    numbers: Counter[str]
    pieces: Counter[tuple[str, ...]]
    order: tuple[str, ...]


def shared_bits(ours: Signature, theirs: Signature) -> tuple[float, float]:
    """Bits that two signatures share, and the smallest share: of each one's numbers, of each one's formulas."""
    numbers = numbers_bits(ours.numbers & theirs.numbers)
    pieces = pieces_bits(ours.pieces & theirs.pieces)
    shares = [numbers / max(numbers_bits(side.numbers), 0.1) if side.numbers else 1.0 for side in (ours, theirs)]
    # A formula may be spelled a little otherwise: a piece or two more or less weigh nothing.
    loose = [(pieces + _LOOSE) / (pieces_bits(side.pieces) + _LOOSE / 2) for side in (ours, theirs)]
    return numbers + pieces, min(1.0, *shares, *loose)


def formula_share(ours: Signature, theirs: Signature) -> float:
    """Share of the formulas in common, of the side that shares less; a side with next to none is no side."""
    shared = pieces_bits(ours.pieces & theirs.pieces)
    sides = [bits for side in (ours, theirs) if (bits := pieces_bits(side.pieces)) >= _LOOSE]
    return min((min(1.0, (shared + _LOOSE / 2) / (bits + _LOOSE / 2)) for bits in sides), default=1.0)


def signature(tokens: Sequence[str]) -> Signature:
    """Signature of a text given as tokens of its normal form."""
    order = tuple(_canonical(t) for t in tokens if is_number(t))
    pieces: Counter[tuple[str, ...]] = Counter()
    for run in _runs(tokens):
        for i in range(len(run) - 2):
            piece = tuple(run[i : i + 3])
            if any(t in _JOINING or t in _NAMES for t in piece) or (piece[1] == "(" and piece[0].isalpha()):
                pieces[piece] += 1
    return Signature(Counter(order), pieces, order)


def is_formula(token: str) -> bool:
    """A token of formulas: number, letter, operator, function."""
    letter = len(token) == 1 and token.isalpha() and (token.isascii() or "\u0561" <= token <= "\u0586")
    return letter or is_number(token) or token in _OPERATORS or token in _NAMES


def _runs(tokens: Sequence[str]) -> Iterator[list[str]]:
    """Stretches of formula: numbers, letters, operators and functions in a row, from three tokens on."""
    run: list[str] = []
    for token in [*tokens, "\n"]:
        if is_formula(token):
            run.append(_canonical(token) if is_number(token) else token)
            continue
        if len(run) > 2:
            yield run
        run = []


def _canonical(piece: str) -> str:
    whole, _, part = piece.partition(".")
    whole, part = whole.lstrip("0") or "0", part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def number_bits(number: str) -> float:
    """How much it says that two problems share this number, in bits."""
    whole, _, part = number.lstrip("-").partition(".")
    digits = len(whole.rstrip("0") or "0") + len(part)
    if len(whole) == 1 and not part:
        return {"0": 0.5, "1": 0.5, "2": 1.0}.get(whole, 2.0)
    return min(3.0 * digits + 0.5 * (len(whole) - 1), 14.0) + 2.0 * bool(part)


def numbers_bits(numbers: Counter[str]) -> float:
    """Bits of a multiset of numbers; a number said again says little more."""
    return sum(number_bits(n) * (1 + 0.25 * (min(count, 4) - 1)) for n, count in numbers.items())


def pieces_bits(pieces: Counter[tuple[str, ...]]) -> float:
    """Bits of formula pieces; they overlap, so each adds little."""
    return sum(1.5 * min(count, 2) for count in pieces.values())


Feature = str | tuple[str, ...]


def features(own: Signature) -> Iterator[Feature]:
    """Its different numbers and pieces."""
    yield from own.numbers
    yield from own.pieces


class SignatureIndex:
    """Finds the items that share numbers and formulas with a text."""

    def __init__(self, items: Sequence[Signature]) -> None:
        self.items = items
        self.postings: dict[Feature, list[int]] = {}
        for number, item in enumerate(items):
            for feature in features(item):
                self.postings.setdefault(feature, []).append(number)

    def find(self, text: Signature, also: Iterable[int] = ()) -> list[int]:
        """Up to _FOUND items that share most bits, both sides agreeing; best first.

        Args:
            also: items to look at whatever they share.
        """
        gained: Counter[int] = Counter()
        for feature in features(text):
            with_it = self.postings.get(feature, ())
            if len(with_it) <= _COMMON:
                bits = number_bits(feature) if isinstance(feature, str) else 1.5
                for item in with_it:
                    gained[item] += bits  # type: ignore[assignment]
        near = sorted(gained, key=lambda item: (-gained[item], item))[:_LOOKED_AT]
        extra = {*also}
        found = [(item, *shared_bits(text, self.items[item])) for item in {*near, *extra}]
        found = [f for f in found if f[2] >= _SHARE and (f[1] >= _LEAST or f[0] in extra)]
        return [item for item, _, _ in sorted(found, key=lambda f: (-f[1], f[0]))[:_FOUND]]
