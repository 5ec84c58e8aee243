"""What counts as the same answer, where that is a choice and not a fact."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cotkit.config import Config


class Policy(Config):
    """How strictly answers are compared. The defaults are strict on values and lenient on dressing (docs/verify.md)."""

    tolerance: float = Field(
        0.0, ge=0, lt=0.5, description="Relative difference up to which two real numbers are equal; 0 is exact."
    )
    rounded_digits: int | None = Field(
        6,
        ge=1,
        le=300,
        description="A decimal of at least this many significant digits that is the other side correctly rounded "
        "is equal to it; a shorter one is incorrect, with the reason `rounded`. null: never equal.",
    )
    percent: Literal["either", "value"] = Field(
        "either", description="either: 50% is 0.5 and, where one side has no sign, 50; value: 50% is 0.5 only."
    )
    units: Literal["optional", "required"] = Field(
        "optional", description="optional: a unit on one side only does not count; required: then it is incorrect."
    )
    order: Literal["free", "kept"] = Field(
        "free", description="Order of lists without brackets. Sets have none, tuples always have one."
    )
    answers: Literal["all", "any"] = Field(
        "all", description="Of a reference list without brackets: all answers must be given, or any one is enough."
    )
    simplified: bool = Field(
        False, description="Whether an equal answer that can still be worked out (2/4, 3+4, sqrt 8) is incorrect."
    )


DEFAULT = Policy()
