"""What an answer cost: the provider's token counts times the recipe's prices, in decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cotkit.distill.teacher import Price

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the provider gives them; None is unknown. Completion includes reasoning."""

    prompt: int | None = None
    completion: int | None = None
    reasoning: int | None = None
    cached: int | None = None


def cost(usage: Usage, price: Price | None) -> Decimal | None:
    """US dollars of one answer; None, not zero, where the price or the usage is unknown."""
    if price is None or usage.prompt is None or usage.completion is None:
        return None
    cached = min(usage.cached or 0, usage.prompt)
    hit = price.input if price.cached_input is None else price.cached_input
    return ((usage.prompt - cached) * price.input + cached * hit + usage.completion * price.output) / _MILLION
