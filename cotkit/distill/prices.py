"""What an answer cost: the provider's token counts times dated prices, in decimals. Unknown is unknown, never 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Protocol

from cotkit.config import PACKAGE

TABLE = PACKAGE / "distill" / "data" / "prices.yaml"
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the provider gives them; None is unknown. Completion includes reasoning.

    `charged` is what the provider itself says that it took, in US dollars.
    """

    prompt: int | None = None
    completion: int | None = None
    reasoning: int | None = None
    cached: int | None = None
    charged: Decimal | None = None


class Rates(Protocol):
    """US dollars per million tokens."""

    @property
    def input(self) -> Decimal: ...
    @property
    def output(self) -> Decimal: ...
    @property
    def cached_input(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class Quote:
    """A price that holds at some moment, and where it is from."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None
    source: str

    def text(self) -> str:
        """`0.55 in, 0.14 cached, 2.19 out per million tokens (…)`."""
        cached = "" if self.cached_input is None else f"{self.cached_input} cached, "
        return f"${self.input} in, {cached}${self.output} out per million tokens ({self.source})"


def cost(usage: Usage, price: Rates | None) -> Decimal | None:
    """US dollars of one answer; None, not zero, where the price or the usage is unknown."""
    if price is None or usage.prompt is None or usage.completion is None:
        return None
    cached = min(usage.cached or 0, usage.prompt)
    hit = price.input if price.cached_input is None else price.cached_input
    return ((usage.prompt - cached) * price.input + cached * hit + usage.completion * price.output) / _MILLION


class Pricing:
    """The prices of one teacher: the recipe's own, those of the table, or none.

    Args:
        rows: rows of the table that fit the model, oldest first.
        fixed: one price for all times, which wins.
        charged: take the cost that the provider reports where there is no price.
        discount: what a batch costs in parts of the normal price.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]] = (),
        fixed: Quote | None = None,
        charged: bool = False,
        discount: Decimal = Decimal(1),
    ) -> None:
        self._rows = rows
        self._fixed = fixed
        self.charged = charged
        self.discount = discount

    def at(self, when: datetime) -> Quote | None:
        """The price at a moment; None where it is unknown. A moment before the oldest row is unknown, too."""
        if self._fixed is not None:
            return self._fixed
        when = when.astimezone(UTC)
        row = next((r for r in reversed(self._rows) if (r.get("since") or date.min) <= when.date()), None)
        if row is None:
            return None
        special = next((s for s in map(row.get, ("peak", "off_peak")) if s and _holds(s, when)), None)
        named = f"{row['source']}, table of {row['as_of']}" + (f", since {row['since']}" if row.get("since") else "")
        rates = special or row
        cached = rates.get("cached")
        return Quote(
            Decimal(str(rates["input"])),
            Decimal(str(rates["output"])),
            None if cached is None else Decimal(str(cached)),
            named + ("" if special is None else ", peak hours" if special is row.get("peak") else ", off-peak hours"),
        )

    def other_hours(self, when: datetime) -> list[tuple[str, Quote]]:
        """The hours of that day (UTC) at which another price holds, each span with its price."""
        start = when.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        halves = [start + timedelta(minutes=30 * n) for n in range(48)]
        now, spans = self.at(when), list[tuple[datetime, datetime, Quote]]()
        for half in halves:
            quote = self.at(half)
            if quote is None or now is None or (quote.input, quote.output) == (now.input, now.output):
                continue
            end = half + timedelta(minutes=30)
            if spans and spans[-1][1] == half and spans[-1][2] == quote:
                spans[-1] = (spans[-1][0], end, quote)
            else:
                spans.append((half, end, quote))
        return [(f"{begin:%H:%M}-{end:%H:%M}", quote) for begin, end, quote in spans]

    def cost(self, usage: Usage, when: datetime, batch: bool = False) -> Decimal | None:
        """US dollars of an answer that came at `when`; None where unknown."""
        usd = cost(usage, self.at(when))
        if usd is None:
            return usage.charged if self.charged else None
        return usd * self.discount if batch else usd


def _holds(special: Mapping[str, Any], when: datetime) -> bool:
    if (special.get("since") or date.min) > when.date():
        return False
    now = when.time()
    for span in special["hours"]:
        begin, end = (time.fromisoformat(part) for part in span.split("-"))
        if begin <= now < end or (end <= begin and (now >= begin or now < end)):
            return True
    return False


def table_rows(provider: str, model: str) -> list[dict[str, Any]]:
    """The rows of the shipped table for a model, oldest first."""
    import yaml

    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    fitting = [
        {**row, "source": table["sources"][row["source"]], "as_of": table["as_of"]}
        for row in table["prices"]
        if row["provider"] == provider and any(fnmatchcase(model, pattern) for pattern in row["models"])
    ]
    return sorted(fitting, key=lambda row: row.get("since") or date.min)
