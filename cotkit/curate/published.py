"""A published dataset as a reader has it: fetched from the Hub, its tables, and what its run said of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.content import dataset_digest
from cotkit.curate.layout import FOLDERS, is_ours
from cotkit.curate.sources.hub import HubSource, patiently
from cotkit.errors import InputError

if TYPE_CHECKING:
    import polars as pl

FACTS_FILE = "reproduce.json"
LOCK_FILE = "recipe.lock.yaml"
# So many files are named.
_FIRST = 3


def fetch(repo: str, revision: str | None = None) -> Path:
    """The folder of a Hub dataset's files, in the cache of the Hub's client (HF_HOME), at the newest commit or at
    `revision`. Token and endpoint are the client's own, as for pull and push.

    Raises InputError where the Hub has no such dataset, or cannot be reached.
    """
    from huggingface_hub import snapshot_download

    wanted = [LOCK_FILE, FACTS_FILE, "*.parquet"]  # a star stands for folders, too
    try:
        return Path(
            patiently(lambda: snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=wanted))
        )
    except Exception as error:
        raise InputError(HubSource(name="dataset", id=repo, revision=revision).sentence(error)) from error


def read_tables(folder: Path, splits: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Config -> its rows of these splits, in this order; raises InputError for a file that is no table."""
    import polars as pl

    found = {}
    for name, below in FOLDERS.items():
        shards = _shards(folder / below, splits)
        try:
            if shards:
                found[name] = pl.concat([pl.read_parquet(shard, glob=False) for shard in shards])
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError(
                f"{folder / below}: not readable as a table ({str(error).splitlines()[0]}); fetch the dataset again"
            ) from error
    return found


def _shards(folder: Path, splits: Sequence[str]) -> list[Path]:
    return [path for split in splits for path in sorted(folder.glob(f"{split}-*-of-*.parquet"))]


def other_files(folder: Path, splits: Sequence[str]) -> list[str]:
    """Data files of a published folder, as sorted relative paths, that are no table of these splits.

    Without the splits that other runs have pushed into `data`: a push leaves those alone.
    """
    ours = {path for below in FOLDERS.values() for path in _shards(folder / below, splits)}
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet") if path not in ours)
    return [name for name in found if not (is_ours(name) and name.startswith(f"{FOLDERS['default']}/"))]


def read_facts(folder: Path) -> dict[str, Any] | None:
    """What `publish` wrote of the run that made the dataset, or None. Raises InputError for a damaged file."""
    path = folder / FACTS_FILE
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        counted = all(isinstance(table["rows"], int) for table in told["tables"].values())
        digest = dataset_digest({name: table["digest"] for name, table in told["tables"].items()})
        whole = counted and told["dataset"] == digest and all(_is_fact(fact) for fact in told["steps"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: the facts of the run cannot be read ({error}); fetch the dataset again") from error
    if not whole:
        raise InputError(f"{path}: these are no facts of a cotkit run; fetch the dataset again")
    return dict(told)


def _is_fact(fact: Any) -> bool:
    tables = all(isinstance(fact[t]["rows"], int) and isinstance(fact[t]["digest"], str) for t in ("kept", "dropped"))
    digests = all(isinstance(text, str) for part in ("pins", "code") for text in dict(fact[part]).values())
    return tables and digests and isinstance(fact["step"], str) and isinstance(fact["settings"], str)


def altered(
    noted: Mapping[str, Mapping[str, Any]], digests: Mapping[str, str], strange: Sequence[str]
) -> Iterator[str]:
    """What became of a published folder since, a phrase each.

    Args:
        noted: config -> {"rows", "digest"} as they were written.
        digests: config -> digest of the rows that are there.
        strange: data files that the run did not publish.
    """
    if gone := [f"{FOLDERS.get(n, n)}/ ({t['rows']:,} rows)" for n, t in noted.items() if n not in digests]:
        yield f"the published rows are missing: {', '.join(gone)}"
    if changed := [name for name, digest in digests.items() if noted.get(name, {}).get("digest", digest) != digest]:
        yield f"the rows of {', '.join(changed)} are not those that the first run wrote: they were changed since"
    if strange:
        more = f" and {len(strange) - _FIRST} more" if len(strange) > _FIRST else ""
        yield f"the first run did not publish {', '.join(strange[:_FIRST])}{more}"
