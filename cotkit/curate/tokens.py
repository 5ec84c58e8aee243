"""Token counts by a named tokenizer: a Hub id, or a local tokenizer.json."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from cotkit.config import resolve_path
from cotkit.errors import InputError, UnreachableError

_LOCAL = ("./", "../", "/", "~/", "cotkit:")
_FILE = "tokenizer.json"
# Texts of one call: a batch is spread over the cores.
_BATCH = 256


def _name(value: Any, info: ValidationInfo) -> Any:
    return str(resolve_path(value, info)) if isinstance(value, str) and value.startswith(_LOCAL) else value


# A Hub id; or a path, which begins with ./ ../ / ~/ or cotkit: and is relative to the recipe's folder.
TokenizerName = Annotated[str, BeforeValidator(_name)]


def tokenizer_file(name: str) -> Path:
    """Where its tokenizer.json is; from the Hub it is fetched once.

    Raises InputError where there is none.
    """
    path = Path(name)
    if path.is_absolute():
        found = path / _FILE if path.is_dir() else path
        if not found.is_file():
            raise InputError(f"{path}: no tokenizer here; give a folder or a file with a {_FILE}, or a Hub id")
        return found
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(name, _FILE)
    if isinstance(cached, str):
        return Path(cached)
    try:
        return Path(hf_hub_download(name, _FILE))
    except Exception as error:  # the Hub's client raises a dozen types
        from cotkit.curate.patience import is_unreachable

        raise (UnreachableError if is_unreachable(error) else InputError)(
            f"tokenizer '{name}': the Hub did not give its {_FILE} ({type(error).__name__}); check the name and the "
            f"network, or give a path that begins with ./"
        ) from error


def tokenizer_digest(name: str) -> str:
    """sha256 of the tokenizer.json."""
    return hashlib.sha256(tokenizer_file(name).read_bytes()).hexdigest()


def count_tokens(texts: Sequence[str | None], name: str) -> list[int | None]:
    """Tokens of each text without special ones; None for None. Raises InputError."""
    from tokenizers import Tokenizer

    file = tokenizer_file(name)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises bare Exception
        raise InputError(f"{file}: not a tokenizer that can be read ({str(error)[:120]})") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    counts: list[int | None] = []
    for start in range(0, len(texts), _BATCH):
        some = texts[start : start + _BATCH]
        encoded = tokenizer.encode_batch_fast([t or "" for t in some], add_special_tokens=False)
        counts += [None if t is None else len(e) for t, e in zip(some, encoded, strict=True)]
    return counts
