"""MiniLM sentence embeddings, the same for the same texts whatever their order.

Model: sentence-transformers/all-MiniLM-L6-v2 (Wang et al. 2020, arXiv 2002.10957), 384 dimensions. It reads
the first 256 tokens of a text; what lies behind them is for the containment rule to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotkit.dedup.weights import find_weights, weights_digest
from cotkit.errors import InputError
from cotkit.steps import NoProgress, Progress

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DIMENSIONS", "Encoder", "load_encoder", "weights_digest"]

DIMENSIONS = 384
# Padded tokens in one batch. Small batches of equal length stay in the cache of one core.
_BUDGET = 2048
# 256 tokens never need more characters than this; a text of a megabyte is cut before it is tokenized.
_CHARACTERS = 20_000
_CHUNK = 2000


@dataclass(frozen=True)
class Encoder:
    """A loaded model. Use load_encoder."""

    folder: Path
    model: Any

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray[Any, Any]:
        """Unit rows, float32 (n, 384), in the order of `texts`.

        Each text is embedded once. Batches are made of the sorted texts, so neither the order of the input
        nor repeated texts change a row.
        """
        import numpy as np

        cleaned = [" ".join(t[:_CHARACTERS].encode("utf-8", "replace").decode("utf-8").split()) for t in texts]
        unique = sorted(set(cleaned))
        lengths = self._lengths(unique)
        order = sorted(range(len(unique)), key=lambda i: (lengths[i], unique[i]))
        rows = np.zeros((len(unique), DIMENSIONS), dtype=np.float32)
        with (progress or NoProgress()).task("embed", len(unique)) as task:
            for batch in _batches(order, lengths):
                rows[batch] = self._embed([unique[i] for i in batch])
                task.advance(len(batch))
        place = {text: i for i, text in enumerate(unique)}
        return rows[[place[text] for text in cleaned]]

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        lengths: list[int] = []
        for start in range(0, len(texts), _CHUNK):
            encoded = self.model.tokenizer(
                list(texts[start : start + _CHUNK]),
                truncation=True,
                max_length=self.model.max_seq_length,
                padding=False,
            )
            lengths.extend(len(ids) for ids in encoded["input_ids"])
        return lengths

    def _embed(self, texts: list[str]) -> Any:
        return self.model.encode(
            texts, batch_size=len(texts), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
        )


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Runs of `order` (by rising length) of at most _BUDGET tokens, counted with their padding."""
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > _BUDGET:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def load_encoder(weights: str | Path | None = None) -> Encoder:
    """The MiniLM model from the first place that has it (see find_weights); no request goes out for a local one.

    Importing torch and sentence-transformers takes seconds. Raises InputError where there are no weights or
    they cannot be loaded.
    """
    folder = find_weights(weights)
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{folder}: the MiniLM weights cannot be loaded ({reason}); fetch the folder anew") from error
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    if model.get_embedding_dimension() != DIMENSIONS:
        raise InputError(f"{folder}: not MiniLM: its vectors have not {DIMENSIONS} dimensions; give a copy of it")
    return Encoder(folder, model)
