"""Base of every recipe model: frozen, no unknown keys, and an unknown key names its nearest neighbour."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

PACKAGE = Path(__file__).resolve().parent
# A path that starts so lies inside the installed package, wherever that is on this machine.
PACKAGE_SCHEME = "cotkit:"


# YAML reads `yes` as true, and pydantic would read that as 1.
_NUMBERS: tuple[Any, ...] = (int, float, int | None, float | None)


class Config(BaseModel):
    """A part of a recipe. Unknown keys are refused: a key that nothing reads is a lie to the user."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    def altered(self) -> set[str]:
        """Keys whose value is not the default. Never ask which keys were written: a lock writes them all."""
        fields = type(self).model_fields.items()
        return {k for k, field in fields if getattr(self, k) != field.get_default(call_default_factory=True)}

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key, value in data.items():
            if isinstance(value, bool) and key in cls.model_fields and cls.model_fields[key].annotation in _NUMBERS:
                raise PydanticCustomError("number", "'{key}' must be a number, not true or false", {"key": str(key)})
            if key not in cls.model_fields:
                near = difflib.get_close_matches(str(key), cls.model_fields, n=1, cutoff=0.5)
                hint = f"did you mean '{near[0]}'?" if near else f"valid keys: {', '.join(cls.model_fields)}"
                raise PydanticCustomError("unknown_key", "unknown key '{key}'; {hint}", {"key": str(key), "hint": hint})
        return data


def _one_line(value: str) -> str:
    if len(value.splitlines()) > 1:
        raise PydanticCustomError("one_line", "it goes into a line of the card, so it must be one line")
    return value.strip()


# A short text that stands in a line of the card's header and body.
OneLine = Annotated[str, AfterValidator(_one_line)]


def resolve_path(value: Any, info: ValidationInfo) -> Any:
    """A path as a recipe writes it -> where the file is."""
    if not isinstance(value, str | Path) or not str(value):
        raise PydanticCustomError("path", "a path is expected here")
    text = str(value)
    if text.startswith(PACKAGE_SCHEME):
        return PACKAGE / text[len(PACKAGE_SCHEME) :]
    path = Path(text).expanduser() if text.startswith("~/") else Path(text)
    base = (info.context or {}).get("base")
    return path if path.is_absolute() or base is None else Path(base) / path


def _portable(path: Path) -> str:
    """Inside the package: the scheme; elsewhere the path itself."""
    return f"{PACKAGE_SCHEME}{path.relative_to(PACKAGE).as_posix()}" if path.is_relative_to(PACKAGE) else str(path)


# A file or folder named in a recipe: relative to the recipe's own folder, or `cotkit:…` for the
# package's own data. Validation context: {"base": folder of the recipe}.
LocalPath = Annotated[Path, BeforeValidator(resolve_path), PlainSerializer(_portable, return_type=str)]
