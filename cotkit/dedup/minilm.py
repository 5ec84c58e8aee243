"""The MiniLM weights as a torch model, and their tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from cotkit.cores import cores
from cotkit.dedup.embed import DIMENSIONS
from cotkit.errors import InputError

if TYPE_CHECKING:
    import torch

    from cotkit.dedup.embed import Forward


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer, without the padding to 128 tokens and the cut there that its file asks for."""
    from tokenizers import Tokenizer

    with _named(folder):
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def load_torch(
    folder: Path, precision: Literal["auto", "bf16", "fp32"], devices: Sequence[str] = ()
) -> tuple[Forward, Sequence[str], str]:
    """The model as a function that threads may share, its devices, and its number format.

    `auto` is float16 on a GPU (older ones compute in it but not in bfloat16), bfloat16 on a processor that computes in
    it, else float32.

    Args:
        devices: all GPUs of this machine, else the processor, when left out; each computes one batch at a time.
    """
    import torch

    devices = devices or [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]
    kind = {"auto": "fp16" if devices[0] != "cpu" else "bf16" if _computes_bf16() else "fp32"}.get(precision, precision)
    dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(kind, torch.float32)
    free: SimpleQueue[tuple[Any, str]] = SimpleQueue()
    for device in devices:
        model = pooled(folder, dtype).to(device)
        for _ in range(cores() if device == "cpu" else 1):
            free.put((model, device))

    def forward(ids: Any, mask: Any) -> Any:
        model, device = free.get()
        try:
            with torch.inference_mode():
                return model(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)).cpu().numpy()
        finally:
            free.put((model, device))

    return forward, devices, kind


def pooled(folder: Path, dtype: torch.dtype) -> Any:
    """Module (ids, mask) -> float32 unit rows: the mean of the last layer over the tokens of each text."""
    import torch
    from transformers import AutoModel

    with _named(folder), _quiet():
        model = AutoModel.from_pretrained(str(folder), dtype=dtype, local_files_only=True, trust_remote_code=False)
    if model.config.hidden_size != DIMENSIONS:
        raise InputError(f"{folder}: not MiniLM: its vectors have not {DIMENSIONS} dimensions; give a copy of it")

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
            weight = attention_mask.unsqueeze(-1).float()
            return torch.nn.functional.normalize((states * weight).sum(1) / weight.sum(1), dim=1)

    return Pooled().eval()


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """What goes wrong with a file of the folder, in one sentence."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{folder}: the MiniLM weights cannot be loaded ({reason}); fetch the folder anew") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and no warnings of transformers, as it was before afterwards."""
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _computes_bf16() -> bool:
    import torch

    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(check and check())
