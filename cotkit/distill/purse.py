"""The budget of a run: what is spent, what is out and may still be charged, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from cotkit.distill.journal import Entry
from cotkit.distill.prices import Pricing, Usage
from cotkit.distill.teacher import Budget

# Before the first answer nobody knows its length: an R1-class trace is about that long.
_FIRST_GUESS = 8192
_TOKENS_A_CHARACTER = 0.33


@dataclass(frozen=True, slots=True)
class Reserve:
    """What one request may cost at most, by what is known now."""

    prompt: int
    completion: int
    usd: Decimal


class Purse:
    """Reserves for what is in flight, so that the sum of paid and promised stays below the budget.

    A request is reckoned at the longest answer seen so far (before the first: max_tokens, or 8,192).

    Attributes:
        usd: spent so far on the requests of this run, in this and earlier runs.
        tokens: prompt and completion tokens so far.
        unmetered: answers without usage; they are reckoned by their length.
        out: True once a request did not fit any more.
    """

    def __init__(self, pricing: Pricing, budget: Budget | None = None, max_tokens: int | None = None) -> None:
        self.pricing = pricing
        self.budget = budget or Budget()
        self.usd = Decimal(0)
        self.tokens = 0
        self.unmetered = 0
        self.unpriced = 0
        self.out = False
        self._max_tokens = max_tokens
        self._longest: int | None = None
        self._dearest = Decimal(0)
        self._characters = 0
        self._prompt_tokens = 0
        self._completions = 0
        self._answers = 0
        self._reserved = Reserve(0, 0, Decimal(0))

    @property
    def limited(self) -> bool:
        """Is there a budget at all?"""
        return self.budget.usd is not None or self.budget.tokens is not None

    def expect(self, characters: int) -> Reserve:
        """What a request with a prompt of so many characters may cost."""
        rate = self._prompt_tokens / self._characters if self._characters else _TOKENS_A_CHARACTER
        prompt = round(characters * rate)
        longest = self._longest if self._longest is not None else (self._max_tokens or _FIRST_GUESS)
        usd = self.pricing.cost(Usage(prompt, longest), datetime.now(UTC)) if self.budget.usd is not None else None
        return Reserve(prompt, longest, self._dearest if usd is None else usd)

    def usual(self, characters: int) -> Reserve:
        """Tokens of a usual request, for limits a minute."""
        rate = self._prompt_tokens / self._characters if self._characters else _TOKENS_A_CHARACTER
        mean = self._completions // self._answers if self._answers else (self._max_tokens or _FIRST_GUESS)
        return Reserve(round(characters * rate), mean, Decimal(0))

    def fits(self, more: Reserve) -> bool:
        """Would `more` still fit if all that is in flight were charged in full?"""
        held, budget = self._reserved, self.budget
        if self._longest is None and self._max_tokens is None and held.completion == 0:
            return True  # somebody has to tell how long an answer is: the first one, alone
        if budget.usd is not None and self.usd + held.usd + more.usd > budget.usd:
            return False
        tokens = self.tokens + held.prompt + held.completion + more.prompt + more.completion
        return budget.tokens is None or tokens <= budget.tokens

    def hold(self, more: Reserve, sign: int = 1) -> None:
        """Set `more` aside; with sign -1 take it back."""
        held = self._reserved
        self._reserved = Reserve(
            held.prompt + sign * more.prompt, held.completion + sign * more.completion, held.usd + sign * more.usd
        )

    def pay(self, entry: Entry, usage: Usage) -> None:
        """An answer came, or was paid for by an earlier run."""
        characters, length = len(entry.request), len(entry.body)
        usd = self.pricing.cost(usage, datetime.fromisoformat(entry.created_at), entry.batched)
        prompt, completion = usage.prompt, usage.completion
        if prompt is None or completion is None:
            self.unmetered += 1
            prompt = prompt or round(characters * _TOKENS_A_CHARACTER)
            completion = completion or round(length * _TOKENS_A_CHARACTER)
            usd = self.pricing.cost(Usage(prompt, completion), datetime.now(UTC)) if usd is None else usd
        self.tokens += prompt + completion
        self._characters += characters
        self._prompt_tokens += prompt
        self._completions += completion
        self._answers += 1
        self._longest = max(self._longest or 0, completion)
        if usd is None:
            self.unpriced += 1
        else:
            self.usd += usd
            self._dearest = max(self._dearest, usd)

    def sentence(self) -> str:
        """Why the run stopped."""
        budget = self.budget
        caps = [] if budget.usd is None else [f"${budget.usd} (spent ${self.usd:.4f})"]
        caps += [] if budget.tokens is None else [f"{budget.tokens:,} tokens (used {self.tokens:,})"]
        return (
            f"the budget of {' and '.join(caps)} is used up: the rest was not asked; raise the budget and run again to "
            "go on, nothing is paid twice"
        )
