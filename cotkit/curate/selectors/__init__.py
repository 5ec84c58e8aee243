"""Selectors: which rows of a whole set to take; one small module each, registered by name in cotkit/registry.py.

A selector is a pure function of the rows and a seed. It sees the rows in an order that a hash of (seed, id) gives,
so the order in which they came in decides nothing, and no tie is broken by it.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cotkit.config import Config
from cotkit.errors import InputError
from cotkit.registry import Registered
from cotkit.steps import Step

if TYPE_CHECKING:
    import numpy as np

# What rows are ranked by, and what they are grouped by. `chars` is the length of reasoning and response,
# or, before there are any (sample), of the problem; `limo` the score of the trace by cotkit.curate.limo.
Measure = Literal["reasoning_tokens", "response_tokens", "direct_tokens", "chars", "difficulty", "pass_rate", "limo"]
Group = Literal["domain", "source", "subject", "difficulty"]
# What stands before a score's name among the values of an item.
SCORE = "score:"
Vectors = Callable[[Sequence[str]], "np.ndarray[Any, Any]"]


@dataclass(frozen=True, slots=True)
class Item:
    """What a selector may know of a row.

    Attributes:
        id: names the row.
        tie: tells rows of one id apart (problems of one text, before dedup).
        text: the problem.
        values: measure or group -> its value; None or missing where it is not known.
    """

    id: str
    tie: str = ""
    text: str = ""
    correct: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)


# Position of an item -> why it was taken, as JSON values.
Picks = dict[int, dict[str, Any]]


class Selector(Config):
    """Base of all selectors. A subclass adds `by: Literal["its-name"]` and its own keys."""

    by: str

    def needs(self) -> tuple[str, ...]:
        """Values without which a row cannot be considered; such rows are dropped for it."""
        return ()

    def lacks(self, item: Item) -> list[str]:
        """Which of them this row would have to have and has not; all of them, if it does not depend on the row."""
        return [name for name in self.needs() if not known(item, name)]

    def refuses(self, item: Item) -> dict[str, Any] | None:
        """Evidence where the row is not to be considered at all."""
        return None

    def check_after(self, before: Sequence[Step]) -> list[str]:
        """What cannot work after these steps of the recipe, a sentence each."""
        return []

    def pick(self, items: Sequence[Item], count: int, rng: random.Random, vectors: Vectors) -> Picks:
        """Take `count` of the items (there are as many, or more), each with the reason why."""
        raise NotImplementedError


AnySelector = Annotated[Selector, Registered("selectors", "by")]


@dataclass(frozen=True)
class Choice:
    """Every item's fate, by its position: `taken` with why, `left` with reason and evidence."""

    taken: Picks
    left: dict[int, tuple[str, dict[str, Any]]]


def choose(items: Sequence[Item], count: int, selector: Selector, seed: int, vectors: Vectors) -> Choice:
    """Exactly min(count, rows that can be considered) of the items.

    Reasons of the others: no_feature, refused, not_chosen. Raises InputError where no row can be considered.
    """
    order = sorted(range(len(items)), key=lambda i: (hashed(seed, items[i].id), items[i].tie))
    left: dict[int, tuple[str, dict[str, Any]]] = {}
    usable: list[int] = []
    for i in order:
        missing = selector.lacks(items[i])
        refusal = None if missing else selector.refuses(items[i])
        if missing:
            left[i] = "no_feature", {"missing": missing}
        elif refusal is not None:
            left[i] = "refused", {"by": selector.by, **refusal}
        else:
            usable.append(i)
    if items and not usable:
        raise InputError(_nothing(selector, [left[i] for i in order]))
    count = min(count, len(usable))
    rng = random.Random(f"{seed} {selector.by}")
    picked = selector.pick([items[i] for i in usable], count, rng, vectors) if count else {}
    if len(picked) != count:
        raise AssertionError(f"the selector '{selector.by}' took {len(picked)} rows instead of {count}")
    taken = {usable[place]: why for place, why in picked.items()}
    left |= {i: ("not_chosen", {"by": selector.by, "rows": count}) for i in usable if i not in taken}
    return Choice(taken, left)


def _nothing(selector: Selector, left: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Why no row can be considered, as a sentence."""
    lacked = {name for reason, evidence in left if reason == "no_feature" for name in evidence["missing"]}
    missing = [name for name in selector.needs() if name in lacked]
    if missing:
        allowed = "row" if all(reason == "no_feature" for reason, _ in left) else "row that its keys leave in"
        return (
            f"the selector '{selector.by}' needs {', '.join(missing)}, and no {allowed} has it; "
            f"fill it in a step before (a features step, or select.tokenizer), or take another selector"
        )
    refusals = Counter(json.dumps(evidence, sort_keys=True, ensure_ascii=False) for _, evidence in left)
    first = {name: value for name, value in json.loads(refusals.most_common(1)[0][0]).items() if name != "by"}
    said = ", ".join(f"{name} {value!r}" for name, value in first.items())
    return f"the selector '{selector.by}' leaves out all of {len(left):,} rows ({said}); change its keys"


def known(item: Item, name: str) -> bool:
    """Whether the item has this value; NaN and infinity are none."""
    value = item.values.get(name)
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def hashed(seed: int, identity: str) -> str:
    """The rank of a row: rows that are added never reshuffle the others."""
    return hashlib.sha256(f"{seed}:{identity}".encode()).hexdigest()


def longest_first(items: Sequence[Item], places: Sequence[int], measure: str, lowest: bool = False) -> list[int]:
    """The places by falling (or rising) measure; equal ones stay in their order."""
    sign = 1 if lowest else -1
    return sorted(places, key=lambda place: sign * float(items[place].values[measure]))


def grouped(items: Sequence[Item], group: str) -> dict[str, list[int]]:
    """Group's name -> places in their order; groups in the order of their names. Difficulty counts by whole levels."""
    found: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        value = item.values[group]
        found.setdefault(str(int(value) if isinstance(value, float) else value), []).append(place)
    return dict(sorted(found.items()))


def split(count: int, sizes: Mapping[str, int], shares: Mapping[str, float]) -> dict[str, int]:
    """How many to take of each group: by shares, never more than its size; what a small one leaves goes to the others.

    Whole numbers by largest remainder. The sum is min(count, all sizes of groups with a share).
    """
    quotas = dict.fromkeys(sizes, 0)
    open_ = {name for name in sizes if sizes[name] and shares.get(name, 0) > 0}
    rest = min(count, sum(sizes[name] for name in open_))
    while rest:
        total = sum(shares[name] for name in open_)
        exact = {name: rest * shares[name] / total for name in sorted(open_)}
        full = {name for name in open_ if exact[name] >= sizes[name] - quotas[name]}
        if not full:
            for name, part in exact.items():
                quotas[name] += int(part)
            short = rest - sum(int(part) for part in exact.values())
            # A quota is below its size here, so one more always fits.
            for name in sorted(exact, key=lambda n: (int(exact[n]) - exact[n], n))[:short]:
                quotas[name] += 1
            return quotas
        for name in full:
            rest -= sizes[name] - quotas[name]
            quotas[name] = sizes[name]
        open_ -= full
    return quotas
