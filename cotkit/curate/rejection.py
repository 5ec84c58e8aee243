"""A list of filters held against one row: the first one that rejects it names the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cotkit.config import Config
from cotkit.errors import InputError

F = TypeVar("F", bound=Config)


def first_rejection(
    filters: Sequence[F], reject: Callable[[F], dict[str, Any] | None], row: str
) -> tuple[F, dict[str, Any]] | None:
    """The first filter that rejects the row, with its evidence.

    Raises InputError, with the filter's name and `row`, where a filter raises or gives what is no JSON.
    """
    for item in filters:
        try:
            evidence = reject(item)
            if evidence is not None:
                json.dumps(dict(evidence), allow_nan=False, sort_keys=True, ensure_ascii=False).encode()
        except Exception as error:  # a plug-in's own code may raise anything
            name = getattr(item, "name", type(item).__name__)
            raise InputError(
                f"filter '{name}' failed at row {row} ({type(error).__name__}: {error}); "
                f"mend the filter: reject() gives None or a dict of JSON values"
            ) from error
        if evidence is not None:
            return item, dict(evidence)
    return None
