"""Plain training texts: R1's tags, R1-Zero's template, and no markup at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from cotkit.curate.exporters.shaped import Row, Shaped, asked
from cotkit.curate.wrappings import R1 as THINK
from cotkit.curate.wrappings import R1_ZERO, Wrapping

if TYPE_CHECKING:
    import polars as pl

    from cotkit.curate.exporters import Refusals


class R1(Shaped):
    """`prompt` and `text`: the text is what DeepSeek-R1 writes, the reasoning in `<think>`, then the response.

    R1 writes its thinking itself: a provider's summary of a thinking is refused.
    """

    kind: Literal["r1"] = "r1"

    def wrapping(self) -> Wrapping:
        return THINK

    def refused(self, examples: pl.DataFrame) -> Refusals:
        found = dict(super().refused(examples))
        for number, row in enumerate(examples.iter_rows(named=True)):
            if row["reasoning_kind"] == "summary" and row["reasoning"]:
                found.setdefault(number, ("summary_reasoning", {"teacher": row["teacher"]}))
        return found

    def shape(self, row: Row) -> dict[str, Any]:
        return {"prompt": asked(row), "text": THINK.join(row["reasoning"], row["response"])}

    def own(self) -> dict[str, Any]:
        import polars as pl

        return {"prompt": pl.String(), "text": pl.String()}

    def describe(self) -> str:
        return "`text` is the reasoning between `<think>` and `</think>`, an empty line, then the response."


class R1Zero(Shaped):
    """`question`, `prompt` and `completion` in the User/Assistant template of DeepSeek-R1-Zero.

    The layout is that of arXiv 2501.12948, table 1; the words before it are a key, since they are the trainer's.
    """

    kind: Literal["r1_zero"] = "r1_zero"
    preface: str = Field(
        "A user asks and an assistant answers. The assistant first thinks between <think> and </think>, then gives its "
        "answer between <answer> and </answer>.",
        description="What the prompt begins with.",
    )

    def wrapping(self) -> Wrapping:
        return R1_ZERO

    def shape(self, row: Row) -> dict[str, Any]:
        question = asked(row)
        return {
            "question": question,
            "prompt": f"{self.preface} User: {question}\nAssistant: ",
            "completion": R1_ZERO.join(row["reasoning"], row["response"]),
        }

    def own(self) -> dict[str, Any]:
        import polars as pl

        return dict.fromkeys(("question", "prompt", "completion"), pl.String())

    def describe(self) -> str:
        return (
            "`prompt` holds `question` in the User/Assistant template of R1-Zero, `completion` the reasoning in "
            "`<think>` and the response in `<answer>`."
        )


class Text(Shaped):
    """One `text` without any markup: problem, reasoning and response with an empty line between them.

    `prompt_chars` and `reasoning_chars` count the characters of the first two, so that they can be told apart.
    """

    kind: Literal["text"] = "text"

    def shape(self, row: Row) -> dict[str, Any]:
        prompt, reasoning = asked(row), row["reasoning"] or ""
        parts = [prompt, *([reasoning] if reasoning else []), row["response"] or ""]
        return {"text": "\n\n".join(parts), "prompt_chars": len(prompt), "reasoning_chars": len(reasoning)}

    def own(self) -> dict[str, Any]:
        import polars as pl

        return {"text": pl.String(), "prompt_chars": pl.Int64(), "reasoning_chars": pl.Int64()}

    def describe(self) -> str:
        return (
            "`text` is problem, reasoning and response with an empty line between them; `prompt_chars` and "
            "`reasoning_chars` say how many characters the first two have."
        )
