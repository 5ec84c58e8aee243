"""The YAML header of a dataset card, and the licence and language that it may state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotkit.curate.layout import FOLDERS
from cotkit.curate.plots import answered

if TYPE_CHECKING:
    import polars as pl

# Licence identifiers that the Hub accepts in a card and that data sets use
# (https://huggingface.co/docs/hub/repositories-licenses); any other licence is "other" with its name.
# fmt: off
HUB_LICENSES = frozenset(
    [
        "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd",
        "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0",
        "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
        "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
        "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2", "agpl-3.0", "gfdl",
        "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc", "ms-pl", "mpl-2.0", "odc-by",
        "odbl", "osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "llama2", "llama3",
        "llama3.1", "llama3.2", "llama3.3", "gemma", "other",
    ]
)
# fmt: on
# How a line of the card begins that makes a push ask for `redistribute`.
FORBIDDEN = "Redistribution is not allowed"
# Licences by what they ask of whom passes the data on, the most restrictive first.
_RANKS = (
    re.compile(r"\bnd\b|no[ -]deriv|redistribut|all rights reserved|proprietary|confidential"),
    re.compile(r"\bnc\b|non-?commercial|research only"),
    re.compile(r"\bsa\b|gpl|gfdl|odbl|cdla-sharing|epl|eupl|mpl|osl"),
    re.compile(r"llama|gemma|openrail|c-uda|\bother\b|terms"),
    re.compile(r"\bby\b|apache|\bmit\b|bsd|isc|afl|artistic|bsl|zlib|postgresql|ncsa|ms-pl|ofl|ecl|etalab|cdla-perm"),
    re.compile(r"cc0|pddl|unlicense|wtfpl|public domain"),
)
_OF_TRACES, _OF_PROBLEMS = ("chain-of-thought", "synthetic"), ("reinforcement-learning",)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# Upper bounds of the Hub's size categories: n<1K, 1K<n<10K, … 100B<n<1T.
_BOUNDS = [f"{m}{unit}" for unit in "KMB" for m in (1, 10, 100)] + ["1T"]


@dataclass(frozen=True, slots=True)
class License:
    """What can be said of the licence.

    Attributes:
        id: for the header: a Hub identifier, or None where nothing may be stated.
        name: the licence's own name where `id` is "other".
        sentence: the same for a reader, plain text without markup.
    """

    id: str | None
    name: str | None
    sentence: str


def state_license(given: str | None, licenses: Sequence[str | None]) -> License:
    """The licence of a data set: as the user states it, else what its rows' licences allow to say.

    All rows under one licence: that one. Several licences: "other", all of them named. A row of unknown
    licence: none is stated, since nobody may give away what they do not hold.
    """
    if given is not None:
        return License(*_hub_license(given), f"{given}, as stated in the recipe.")
    known = sorted({text.strip() for text in licenses if text and text.strip()}, key=str.lower)
    different = {text.lower() for text in known}
    unknown = sum(1 for text in licenses if not text or not text.strip())
    if unknown:
        what = "unknown" if not known else f"unknown for a part of the rows; the others are under {', '.join(known)}"
        return License(None, None, f"{what[0].upper()}{what[1:]}.")
    if len(different) > 1:
        strictest = min(known, key=lambda text: (_rank(text), text))
        sentence = (
            f"Rows come under several licences: {', '.join(known)}; the license column says which. "
            f"The most restrictive one is {strictest}."
        )
        return License("other", "several-per-row", sentence)
    return License(*_hub_license(known[0]), f"{known[0]}, the licence of every row.")


def _rank(license: str) -> int:
    """Smaller is more restrictive; a licence that nobody has ranked counts as terms of its own."""
    text = license.lower().replace("_", "-")
    return next((rank for rank, pattern in enumerate(_RANKS) if pattern.search(text)), 3)


def forbidding(origins: pl.DataFrame, recipe: Mapping[str, Any]) -> list[str]:
    """Sentences on what may not be passed on of rows with a `source` and a `license`.

    Licences without derivatives (a dataset of traces is one) or without redistribution, and GPQA, whose authors ask
    that its questions be not published in plain text (https://huggingface.co/datasets/Idavidrein/gpqa).
    """
    licenses = sorted({text for text in origins["license"].drop_nulls().unique() if _rank(text) == 0})
    pulled = [s for step in recipe.get("steps", ()) if step.get("step") == "pull" for s in step.get("sources", ())]
    gated = {str(source.get("name")) for source in pulled if "gpqa" in str(source.get("id", "")).lower()}
    kept = sorted(name for name in origins["source"].unique() if "gpqa" in name.lower() or name in gated)
    return [f"{FORBIDDEN} by the licence {text}." for text in licenses] + [
        f"{FORBIDDEN} by the authors of {name}: its questions are to stay off the web." for name in kept
    ]


def _hub_license(text: str) -> tuple[str, str | None]:
    identifier = text.strip().lower()
    if identifier in HUB_LICENSES:
        return identifier, None
    # The Hub takes a name in the form of its own identifiers; the text of the card has the full one.
    return "other", re.sub(r"[^a-z0-9.+]+", "-", identifier).strip("-") or None


def state_languages(given: str | None, languages: Sequence[str | None]) -> list[str]:
    """Language codes of the data set: the given one, else those of the rows if every row has one."""
    found = {given} if given is not None else set(languages)
    codes = sorted(code for code in found if code and _LANGUAGE.fullmatch(code))
    return codes if len(codes) == len(found) else []


def _configs(digests: Mapping[str, str], splits: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The `configs:` of a data set of several tables; digests are config -> sha256 of its files, splits config -> its
    splits. None for one table, whose file names (data/SPLIT-…) tell all.

    datasets 5.2 caches a local folder under its name and its configs: two folders called `dataset` would share one
    entry. The digest as the config's description keeps them apart.
    """
    if len(digests) < 2:
        return []
    return [
        {
            "config_name": name,
            **({"default": True} if name == "default" else {}),
            "description": f"sha256 of its files: {digest}",
            "data_files": [{"split": split, "path": f"{FOLDERS[name]}/{split}-*"} for split in splits[name]],
        }
        for name, digest in digests.items()
    ]


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    power = next((i for i in range(len(_BOUNDS)) if rows < 10 ** (i + 3)), len(_BOUNDS))
    if power == len(_BOUNDS):
        return f"n>{_BOUNDS[-1]}"
    return f"n<{_BOUNDS[0]}" if power == 0 else f"{_BOUNDS[power - 1]}<n<{_BOUNDS[power]}"


def render_header(
    rows: int,
    examples: pl.DataFrame,
    title: str,
    license: License,
    languages: list[str],
    digests: Mapping[str, str],
    splits: Mapping[str, Sequence[str]],
) -> str:
    """The YAML between the two lines of dashes, those included."""
    import yaml

    domains = sorted(d for d in examples["domain"].drop_nulls().unique() if re.fullmatch(r"[a-z]{2,20}", d))
    header: dict[str, Any] = {"pretty_name": title}
    if license.id is not None:
        header["license"] = license.id
    if license.name is not None:
        header["license_name"] = license.name
    if languages:
        header["language"] = languages
    header |= {
        "task_categories": ["text-generation"],
        "tags": ["reasoning", *(_OF_TRACES if answered(examples) else _OF_PROBLEMS), "cotkit", *domains],
        "size_categories": [size_category(rows)],
    }
    if configs := _configs(digests, splits):
        header["configs"] = configs
    text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=10_000)
    return f"---\n{text}---\n"
