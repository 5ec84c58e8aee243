"""The page itself: one file that needs no network and lets nothing of a dataset run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from cotkit.run.directory import REPORT_FILE, RunDirectory
from cotkit.run.report import cost, numbers
from cotkit.run.report.charts import escape, share
from cotkit.run.report.distributions import distributions
from cotkit.run.report.embed import Embedded, embed
from cotkit.run.report.fates import gather
from cotkit.run.report.pairs import examples, pairs
from cotkit.run.tables import write_text

if TYPE_CHECKING:
    from cotkit.run.funnel import Entry

# A browser opens a file of this size in about a second; `cotkit report --megabytes` asks for another.
MEGABYTES = 32
_SCRIPTS = ("temml.min.js", "maths.js", "page.js")


def write_report(name: str, funnel: Sequence[Entry], directory: RunDirectory, megabytes: int = MEGABYTES) -> None:
    """Write report.html of at most about `megabytes` (of the texts) beside the tables.

    Raises InputError for a table that cannot be read, StorageError.
    """
    fates = gather(funnel, directory)
    texts = embed(fates, megabytes * 1_000_000, {"end": "published" if _published(funnel) else "kept"})
    sections = [
        ("funnel", "Funnel", numbers.funnel_table(funnel)),
        ("distributions", "Distributions", distributions(fates)),
        ("reasons", "Reasons by source", cost.matrix(fates.table)),
        ("cost", "Cost", cost.cost(funnel, fates.table)),
        ("leaks", "Leaks", pairs(funnel, directory, fates, "benchmark")),
        ("duplicates", "Duplicates", pairs(funnel, directory, fates, "kept")),
        ("examples", "Dropped, by reason", examples(fates.table, texts.table, texts.examples)),
    ]
    shown = [(key, title, body) for key, title, body in sections if body]
    scripts = [_asset(script) for script in _SCRIPTS]
    page = Template(_asset("page.html")).substitute(
        name=escape(name),
        policy=_policy(scripts),
        style=_asset("page.css"),
        tiles=numbers.tiles(funnel, fates.table),
        links="".join(f"<a href='#{key}'>{title}</a>" for key, title, _ in shown),
        sections="".join(f"<section id='{key}'><h2>{title}</h2>{body}</section>" for key, title, body in shown),
        contents=_contents(texts, megabytes),
        data="".join(_data(texts)),
        scripts="".join(f"<script>{script}</script>" for script in scripts),
    )
    write_text(directory.path / REPORT_FILE, page)


def _published(funnel: Sequence[Entry]) -> bool:
    return any(line["kind"] == "publish" for line in funnel)


def _asset(name: str) -> str:
    return (files("cotkit.run.report") / "assets" / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """Only our own scripts run, by their digests, and nothing is ever fetched."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    own = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {own}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _contents(texts: Embedded, megabytes: int) -> str:
    """What of the run is in the page and what is left out."""
    if texts.with_trace == texts.attempts and texts.with_facts == texts.rows:
        return f"All {texts.rows:,} rows are in this page with all their texts."
    said = [f"This page holds at most {megabytes} MB of texts."]
    of = f" of {texts.rows:,}" if texts.indexed < texts.rows else ""
    said.append(
        f"{texts.indexed:,}{of} rows can be searched and filtered, by the first {texts.head} characters of their "
        f"problems; {texts.with_facts:,} of them have their answer and evidence here, and {texts.with_trace:,} of "
        f"{texts.attempts:,} attempts ({share(texts.with_trace, texts.attempts)}) their trace: an even choice from "
        f"every reason and verdict. The run's tables hold the rest; "
        f"<code>cotkit report RUN --megabytes N</code> writes a larger page."
    )
    return " ".join(said)


def _data(texts: Embedded) -> list[str]:
    """Blocks as script elements that no browser runs: deflated, in base64."""
    named = [("index", texts.index), ("heads", texts.heads)]
    named += [(f"facts-{number}", block) for number, block in enumerate(texts.facts)]
    named += [(f"trace-{number}", block) for number, block in enumerate(texts.traces)]
    return [f"<script type='text/plain' id='data-{name}'>{block}</script>\n" for name, block in named]
