"""A process reward model behind one of four wire formats: what the scorer `prm` and searches by steps share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import LocalPath
from cotkit.errors import InputError
from cotkit.verify.scorers.prm_wires import WIRES
from cotkit.verify.scorers.remote import Ask, Remote

Wire = Literal["skywork", "qwen", "shepherd", "rlhflow"]


class PrmServer(Remote):
    """Numbers from 0 to 1 for the steps of a solution, one a step."""

    by: Literal["prm"] = "prm"
    adapter: Wire = Field(
        description="How the model is asked: skywork (token values on /v1/embeddings), qwen (<extra_0> on /pooling), "
        "shepherd (ки on /pooling), rlhflow (a chat turn + or - for each step)."
    )
    model: str = Field(min_length=1, description="Name of the model, as the server knows it.")
    tokenizer: LocalPath | None = Field(
        None, description="skywork: the model's tokenizer.json, since it is asked in tokens."
    )
    bos: str = Field("<|endoftext|>", description="skywork: the token that begins a text; check the model's own.")

    excluded: ClassVar[Mapping[str, str]] = {**Remote.excluded, "tokenizer": "its digest is in the key instead"}

    @model_validator(mode="after")
    def _tokens(self) -> PrmServer:
        if self.adapter == "skywork" and self.tokenizer is None:
            raise PydanticCustomError("tokenizer", "the adapter skywork needs 'tokenizer', the model's tokenizer.json")
        return self

    def names(self) -> tuple[str, ...]:
        return ()

    def materials(self) -> dict[str, str]:
        if self.tokenizer is None:
            return {}
        if not self.tokenizer.is_file():
            raise InputError(f"{self.tokenizer}: no such file; give the tokenizer.json of {self.model}")
        return {"tokenizer": hashlib.sha256(self.tokenizer.read_bytes()).hexdigest()}

    @property
    def root(self) -> str:
        """The server without /v1: some adapters ask beside it."""
        return self.url.removesuffix("/v1")

    def rate(self, ask: Ask, problem: str, steps: Sequence[str], start: int = 0) -> list[float]:
        """The scores of the steps from number `start` on; those before it are what they follow on.

        Raises Misaligned where the reply has another number of scores, NotScored where there is none.
        """
        return WIRES[self.adapter](ask, self, problem, steps, start)

    def requests(self, steps: int) -> int:
        """How many requests `rate` takes for so many steps."""
        return steps if self.adapter == "rlhflow" else 1
