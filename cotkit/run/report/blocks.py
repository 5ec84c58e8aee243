"""Texts in small compressed blocks, each opened by the page only when one of its rows is looked at."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

# A larger block hardly compresses better (deflate looks back 32 KiB) and takes longer to open.
BLOCK_CHARACTERS = 96_000
# Rows of an early wave stay when the page gets too large; those of the last wave go first.
WAVES = 24


def deflated(text: str) -> str:
    """Raw deflate, base64: what `DecompressionStream("deflate-raw")` opens in the page."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(packer.compress(text.encode()) + packer.flush()).decode("ascii")


class Blocks:
    """Collects records by row and closes a block whenever one is full."""

    def __init__(self) -> None:
        self._open: list[dict[int, Any]] = [{} for _ in range(WAVES)]
        self._sizes = [0] * WAVES
        self._closed: list[list[tuple[str, tuple[int, ...]]]] = [[] for _ in range(WAVES)]

    def add(self, wave: int, row: int, record: Mapping[str, Any]) -> None:
        self._open[wave][row] = record
        self._sizes[wave] += sum(len(value) if isinstance(value, str) else 40 for value in record.values())
        if self._sizes[wave] >= BLOCK_CHARACTERS:
            self._close(wave)

    def _close(self, wave: int) -> None:
        records = self._open[wave]
        if records:
            text = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
            self._closed[wave].append((deflated(text), tuple(records)))
        self._open[wave], self._sizes[wave] = {}, 0

    def within(self, limit: int) -> tuple[list[str], dict[int, int]]:
        """As many blocks as `limit` bytes hold, and the number of its block for each row in one of them."""
        blocks: list[str] = []
        place: dict[int, int] = {}
        size = 0
        for wave in range(WAVES):
            self._close(wave)
            for block, rows in self._closed[wave]:
                size += len(block)
                if size > limit:
                    return blocks, place
                place.update(dict.fromkeys(rows, len(blocks)))
                blocks.append(block)
        return blocks, place
