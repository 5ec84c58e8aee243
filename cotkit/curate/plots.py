"""Bar charts of the card as SVG: no library, the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from cotkit.curate.measured import measured

if TYPE_CHECKING:
    import polars as pl

Bars = Sequence[tuple[str, int]]
_MOST = 12
_LABEL, _BAR, _COUNT, _LINE = 190, 380, 90, 22
_LONGEST_LABEL = 28


def answered(examples: pl.DataFrame) -> bool:
    """False for problems that are published without traces."""
    return examples["teacher"].null_count() < examples.height


def plots(examples: pl.DataFrame) -> dict[str, tuple[str, Bars]]:
    """File name -> (title, bars) of the charts that the examples give."""
    examples = measured(examples)
    found: dict[str, tuple[str, Bars]] = {}
    if answered(examples):
        found["plots/length.svg"] = (f"Rows by {_unit(examples)}", lengths(examples))
        found["plots/pass_rate.svg"] = ("Problems by pass rate of the teacher", rates(examples))
    found["plots/domain.svg"] = ("Rows by domain", _counts(examples, "domain"))
    return {name: (title, bars) for name, (title, bars) in found.items() if bars}


def lengths(examples: pl.DataFrame) -> Bars:
    """Rows by powers of two of their length: tokens where every row has a count, else characters."""
    values = _lengths(measured(examples)).to_list()
    if not values:
        return []
    bounds = sorted({max(int(value) - 1, 0).bit_length() for value in values})
    ladder = range(bounds[0], bounds[-1] + 1)
    counted = [max(int(value) - 1, 0).bit_length() for value in values]
    return [(f"{2 ** (power - 1) + 1 if power else 0:,} to {2**power:,}", counted.count(power)) for power in ladder]


def _lengths(examples: pl.DataFrame) -> pl.Series:
    tokens = examples["completion_tokens"]
    if not tokens.null_count():
        return tokens
    return examples["characters"]


def _unit(examples: pl.DataFrame) -> str:
    return "characters of the trace" if examples["completion_tokens"].null_count() else "tokens of the trace"


def rates(examples: pl.DataFrame) -> Bars:
    """Problems by the share of attempts that were correct; the last line is there only where it is not known."""
    found = examples.unique("problem_id", keep="first", maintain_order=True)["pass_rate"]
    known = found.drop_nulls()
    lines = [("0", int((known == 0).sum()))]
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75)):
        lines.append((f"above {low:g}, up to {high:g}", int(((known > low) & (known <= high)).sum())))
    lines.append(("above 0.75, below 1", int(((known > 0.75) & (known < 1)).sum())))
    lines.append(("1", int((known == 1).sum())))
    return [*lines, *([("not known", found.null_count())] if found.null_count() else [])]


def _counts(examples: pl.DataFrame, column: str) -> Bars:
    counted = examples[column].fill_null("").value_counts().sort(["count", column], descending=[True, False]).rows()
    first, rest = counted[:_MOST], counted[_MOST:]
    return [(str(name), count) for name, count in first] + ([("others", sum(n for _, n in rest))] if rest else [])


def svg(title: str, bars: Bars) -> str:
    """A horizontal bar chart with its numbers written out."""
    most = max((count for _, count in bars), default=0) or 1
    width, height = _LABEL + _BAR + _COUNT, _LINE * (len(bars) + 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="13" role="img" aria-label="{_text(title, 100)}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="{_LINE - 5}" font-weight="bold" fill="#1a1a1a">{_text(title, 100)}</text>',
    ]
    for number, (label, count) in enumerate(bars):
        top = _LINE * (number + 1) + 6
        length = round(_BAR * count / most)
        lines += [
            f'<text x="{_LABEL - 8}" y="{top + 13}" text-anchor="end" fill="#1a1a1a">'
            f"{_text(label, _LONGEST_LABEL)}</text>",
            f'<rect x="{_LABEL}" y="{top}" width="{length}" height="{_LINE - 6}" fill="#3b6ea5"/>',
            f'<text x="{_LABEL + length + 6}" y="{top + 13}" fill="#1a1a1a">{count:,}</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])


def files(examples: pl.DataFrame) -> Mapping[str, str]:
    """File name -> SVG."""
    return {name: svg(title, bars) for name, (title, bars) in plots(examples).items()}


def _text(text: str, longest: int) -> str:
    """A label without markup and without characters that XML cannot hold."""
    plain = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return escape(plain if len(plain) <= longest else plain[: longest - 1] + "…")
