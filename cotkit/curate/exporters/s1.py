"""The columns and the training text of s1."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.curate.exporters.shaped import Row, Shaped, asked

_MARK = "Answer:"


class S1(Shaped):
    """The columns of s1K, the reasoning in `thinking_trajectories` and the response in `attempt`, and `text`.

    `text` is what s1 trains on: Qwen's chat format with the reasoning after a `think` and the response after an
    `answer` line (simplescaling/s1, data/tokenization.py, data/filter.ipynb).
    """

    kind: Literal["s1"] = "s1"
    system: str | None = Field(
        None, min_length=1, description="System turn of the text; s1 has that of Qwen's chat template."
    )

    held: ClassVar[frozenset[str]] = frozenset({"domain", "source", "metadata"})

    def shape(self, row: Row) -> dict[str, Any]:
        question, attempt = asked(row), row["response"] or ""
        reasoning = row["reasoning"] or ""
        marked = attempt if _MARK in attempt else f"{_MARK} {attempt}"
        system = f"<|im_start|>system\n{self.system}<|im_end|>\n" if self.system else ""
        return {
            "question": question,
            "solution": row["answer"],
            "cot_type": row["domain"],
            "source_type": row["source"],
            "metadata": row["metadata"],
            "thinking_trajectories": [reasoning] if reasoning else [],
            "attempt": attempt,
            "text": f"{system}<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
            f"<|im_start|>think\n{reasoning}\n<|im_start|>answer\n{marked}<|im_end|>",
        }

    def own(self) -> dict[str, Any]:
        import polars as pl

        names = ("question", "solution", "cot_type", "source_type", "metadata", "thinking_trajectories", "attempt")
        return {**dict.fromkeys((*names, "text"), pl.String()), "thinking_trajectories": pl.List(pl.String())}

    def describe(self) -> str:
        return (
            "The columns are those of s1K: `thinking_trajectories` holds the reasoning, `attempt` the response, "
            "`solution` the reference answer, and `text` the training text."
        )
