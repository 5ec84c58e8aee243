"""MiniLM sentence embeddings, fast on a CPU: the same for the same text whatever stands beside it.

Model: sentence-transformers/all-MiniLM-L6-v2 (Wang et al. 2020, arXiv 2002.10957), 384 dimensions, mean pooling.
It reads 256 tokens; what follows them in a longer text is embedded in windows. What makes it fast: bfloat16 where
the processor has it, or 8-bit integers on request, small batches of texts of one length (little padding, and they
stay in the cache of a core), one batch per core instead of all cores on one batch, and each text once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cotkit.dedup.threads import spread
from cotkit.dedup.vectors import Store, open_store, text_key
from cotkit.dedup.weights import find_weights, weights_digest
from cotkit.errors import InputError
from cotkit.steps import NoProgress, Progress

if TYPE_CHECKING:
    import numpy as np

    # Token ids and mask, int64 (texts, tokens) each -> float32 (texts, 384), unit rows.
    Forward = Callable[[np.ndarray[Any, Any], np.ndarray[Any, Any]], np.ndarray[Any, Any]]
    Array = np.ndarray[Any, Any]

__all__ = ["DIMENSIONS", "Encoder", "Precision", "Vectors", "load_encoder", "weights_digest"]

Precision = Literal["auto", "bf16", "fp32", "int8"]
DIMENSIONS = 384
_BYTES = 2 * DIMENSIONS  # rows are kept in float16: unit vectors lose less than 1e-4 of a cosine
_UNIT = 0.01  # a row in float16 is so near to length 1
# Tokens of one batch; a batch of this size stays in the second-level cache of a core. A GPU wants more.
_BUDGET = {"cpu": 1024, "cuda": 65_536}
# Texts of a batch are padded to a multiple of this, so that a text meets only texts of its own padded length.
_GRAIN = 8
# Part of the cache's name: another way to cut windows, or to write entries, is another cache.
FORM = "w3"
# What the model reads, without its two marks; then windows about as long as a problem, overlapping by a third.
_READ = 254
_WINDOW = 126
_STRIDE = 84
# A text of a megabyte is cut here before it is tokenized: some 150 windows.
_CHARACTERS = 50_000
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Vectors:
    """Embedded texts: a row per window.

    Attributes:
        rows: float32 (windows, 384), unit rows.
        owner: int64 (windows,): number of the text that a row belongs to, rising.
    """

    rows: np.ndarray[Any, Any]
    owner: np.ndarray[Any, Any]

    def of(self, text: int) -> np.ndarray[Any, Any]:
        """The rows of one text."""
        import numpy as np

        first, last = np.searchsorted(self.owner, [text, text + 1])
        return self.rows[first:last]

    def cosine(self, text: int, others: Vectors, other: int) -> float:
        """The best cosine of any two windows of two texts."""
        return max(0.0, round(float((self.of(text) @ others.of(other).T).max()), 5))


@dataclass(frozen=True)
class Encoder:
    """A loaded model. Use load_encoder.

    Attributes:
        devices: "cpu", or GPUs, which compute a batch each at a time.
        band: a cosine of a row of it with a row of `precise` may be off by so much; 0: it is precise itself.
    """

    forward: Forward
    tokenizer: Any
    name: str
    devices: Sequence[str] = ("cpu",)
    cache: Path | None = None
    band: float = 0.0
    load_precise: Callable[[], Encoder] | None = None

    @cached_property
    def precise(self) -> Encoder:
        """The encoder whose cosines decide where those of this one are too near to a threshold."""
        return self.load_precise() if self.load_precise else self

    @staticmethod
    def key(text: str) -> bytes:
        """What names a text in the cache."""
        return text_key(_cleaned(text))

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """A row for each text in order; one more for each further window of a long text.

        A text whose rows are in the cache is not embedded. Work is kept chunk by chunk, so that a stopped run goes
        on where it was; what is damaged there is embedded anew. Raises InputError where the model gives rows that are
        no unit vectors.
        """
        import numpy as np

        progress = progress or NoProgress()
        keys = np.array([self.key(text) for text in texts], dtype="S16")
        _, first, asked = np.unique(keys, return_index=True, return_inverse=True)
        chunks: list[Array] = []
        counts: list[int] = []
        with open_store(self.cache, self.name, progress.note) as store, progress.task("embed", len(first)) as task:
            # In the order of the keys, as the store has them: a disk gives what lies together a hundred times faster.
            for start in range(0, len(first), _CHUNK):
                some = [_cleaned(texts[number]) for number in first[start : start + _CHUNK].tolist()]
                found = self._kept(some, store, task)
                counts += [len(rows) // _BYTES for rows in found]
                chunks.append(np.frombuffer(b"".join(found), dtype=np.float16).reshape(-1, DIMENSIONS))
        return _in_order(chunks, np.array(counts, dtype=np.int64), first, asked)

    def _kept(self, texts: Sequence[str], store: Store, task: Any) -> list[bytes]:
        """float16 rows of each text as bytes; those that are not in the store are computed, and put there."""
        keys = [text_key(text) for text in texts]
        known = store.read(keys)
        missing = [text for text, key in zip(texts, keys, strict=True) if key not in known]
        task.advance(len(texts) - len(missing))
        if missing:
            fresh = {text_key(t): rows for t, rows in zip(missing, self._embedded(missing, task), strict=True)}
            store.write(fresh)
            known |= fresh
        return [known[key] for key in keys]

    def _embedded(self, texts: Sequence[str], task: Any) -> list[bytes]:
        """float16 rows of each text as bytes."""
        import numpy as np

        windows = [(i, ids) for i, all_ids in enumerate(self._ids(texts)) for ids in _windows(all_ids)]
        rows = np.zeros((len(windows), DIMENSIONS), dtype=np.float16)
        batches = list(_batches([ids for _, ids in windows], _BUDGET[self.devices[0].partition(":")[0]]))

        def work(batch: list[int]) -> None:
            rows[batch] = self.forward(*padded([windows[i][1] for i in batch], self.tokenizer))
            task.advance(sum(i == 0 or windows[i - 1][0] != windows[i][0] for i in batch))

        for _ in spread(work, batches, None if "cpu" in self.devices else len(self.devices)):
            pass
        if not (np.abs(np.linalg.norm(rows.astype(np.float32), axis=1) - 1) < _UNIT).all():  # NaN is not near 1
            raise InputError(f"{self.name}: the model gives rows that are no unit vectors; fetch its weights anew")
        parts: list[list[bytes]] = [[] for _ in texts]
        for (text, _), row in zip(windows, rows, strict=True):
            parts[text].append(row.tobytes())
        return [b"".join(part) for part in parts]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [e.ids for e in encoded]


def padded(batch: Sequence[Sequence[int]], tokenizer: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Token ids of a batch between the model's two marks, and the mask over them."""
    import numpy as np

    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    shape = (len(batch), _padded(max(len(ids) for ids in batch)))
    ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens) + 2] = [first, *tokens, last]
        mask[row, : len(tokens) + 2] = 1
    return ids, mask


def _cleaned(text: str) -> str:
    return " ".join(text[:_CHARACTERS].encode("utf-8", "replace").decode("utf-8").split())


def _in_order(chunks: list[Array], counts: Array, first: Array, asked: Array) -> Vectors:
    """The vectors of all texts. Each chunk is given up when it has been copied.

    Args:
        chunks: float16 rows of _CHUNK different texts each.
        counts: rows of each different text.
        first: the first text that is the same as it.
        asked: for each text which of the different ones it is.
    """
    import numpy as np

    own = counts[asked]
    starts = np.cumsum(own) - own
    rows = np.empty((int(own.sum()), DIMENSIONS), dtype=np.float32)
    while chunks:
        chunk = chunks.pop().astype(np.float32)
        chunk /= np.maximum(np.linalg.norm(chunk, axis=1, keepdims=True), 1e-12)
        part = slice(len(chunks) * _CHUNK, (len(chunks) + 1) * _CHUNK)
        some = counts[part]
        inside = np.arange(len(chunk)) - np.repeat(np.cumsum(some) - some, some)
        rows[np.repeat(starts[first[part]], some) + inside] = chunk
    again = np.flatnonzero(first[asked] != np.arange(len(asked)))
    for text, same in zip(again.tolist(), first[asked[again]].tolist(), strict=True):
        rows[starts[text] : starts[text] + own[text]] = rows[starts[same] : starts[same] + own[same]]
    return Vectors(rows, np.repeat(np.arange(len(own), dtype=np.int64), own))


def _windows(ids: list[int]) -> Iterator[list[int]]:
    """What the model can read of a text, and windows over the rest; the first reaches back as windows overlap."""
    yield ids[:_READ]
    if len(ids) > _READ:
        start = _READ - (_WINDOW - _STRIDE)
        for place in range(start, len(ids) - _WINDOW + _STRIDE, _STRIDE):
            yield ids[min(place, len(ids) - _WINDOW) :][:_WINDOW]


def _padded(tokens: int) -> int:
    return -(-(tokens + 2) // _GRAIN) * _GRAIN


def _batches(windows: Sequence[Sequence[int]], budget: int) -> Iterator[list[int]]:
    """Positions of windows of one padded length, about `budget` tokens at a time, longest first."""
    by_width: dict[int, list[int]] = {}
    for position, ids in enumerate(windows):
        by_width.setdefault(_padded(len(ids)), []).append(position)
    for width in sorted(by_width, reverse=True):
        size = max(1, budget // width)
        for start in range(0, len(by_width[width]), size):
            yield by_width[width][start : start + size]


def load_encoder(
    weights: str | Path | None = None, cache: Path | None = None, precision: Precision = "auto"
) -> Encoder:
    """The MiniLM model from the first place that has it (see find_weights); no request goes out for a local one.

    Args:
        cache: folder where embeddings are kept and looked for; None: nowhere.
        precision: auto is fp16 on GPUs (all of them are used), bf16 on a processor that computes in bfloat16, else
            fp32; int8 is for the processor: see cotkit.dedup.int8.

    Importing torch and transformers takes seconds. Raises InputError where there are no weights or they cannot be
    loaded, or where int8 is asked for and its extra is not installed.
    """
    from cotkit.dedup.minilm import load_tokenizer, load_torch

    folder = find_weights(weights)
    name = f"minilm-{weights_digest(folder).removeprefix('sha256:')[:12]}"
    if precision == "int8":
        from cotkit.dedup.int8 import BAND, load_int8

        tokenizer = load_tokenizer(folder)
        forward, made = load_int8(folder, tokenizer, cache)
        full = f"{name}-int8-{made}-{FORM}"
        return Encoder(forward, tokenizer, full, ("cpu",), cache, BAND, lambda: load_encoder(weights, cache))
    forward, devices, kind = load_torch(folder, precision)
    return Encoder(forward, load_tokenizer(folder), f"{name}-{kind}-{FORM}", devices, cache)
