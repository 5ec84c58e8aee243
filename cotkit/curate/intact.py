"""Is a published folder what `publish` wrote? A card whose numbers are not those of the data is not pushed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cotkit.curate.card import card_state, sealed_files
from cotkit.curate.card_header import FORBIDDEN
from cotkit.curate.layout import digest_of_files
from cotkit.curate.markdown import number
from cotkit.errors import InputError


def check_card(folder: Path, names: Sequence[str]) -> str:
    """The card's text, after checking that it is cotkit's and was counted from these very files. Raises InputError."""
    card = folder / "README.md"
    text = card.read_bytes().decode("utf-8", errors="replace")
    if card_state(text) != "ours":
        raise InputError(
            f"{card}: the card was changed after `publish` wrote it, so its numbers may not be the table's; run the "
            f"publish step again, and put words of your own under its key `notes`"
        )
    if sealed_files(text) != digest_of_files(folder, names):
        raise InputError(
            f"{folder}: the files are not those that the card was counted from; run the publish step again"
        )
    rows = _rows([folder / n for n in names if n.startswith("data/")])
    if f"\n| Rows | {number(rows)} |\n" not in text:
        raise InputError(
            f"{card}: the data holds {number(rows)} rows, and the card says otherwise; run the publish step again"
        )
    return text


def forbids_redistribution(card: str) -> bool:
    """True where the card says that a source's licence or authors forbid it."""
    return f"\n{FORBIDDEN}" in card


def _rows(shards: Sequence[Path]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return sum(pq.read_metadata(path).num_rows for path in shards)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{shards[0].parent}: a data file is no Parquet file; run the publish step again") from error
