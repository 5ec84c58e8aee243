"""Reasoning and response in one text: how exporters put them together and importers take them apart.

Nothing is escaped: a student learns the text as it is, so a tag that somebody wrote stays as they wrote it. A text
that could not be taken apart again into the same two parts is refused by the exporter instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from cotkit.tags import split_tags


@dataclass(frozen=True, slots=True)
class Apart:
    """A text taken apart; `closed` is False where its reasoning never ends."""

    reasoning: str | None
    response: str
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What stands before the reasoning, between reasoning and response, and after the response."""

    opening: str
    middle: str
    closing: str = ""

    def join(self, reasoning: str | None, response: str | None) -> str:
        """The whole text; the response alone where there is no reasoning."""
        if not reasoning:
            return response or ""
        return f"{self.opening}{reasoning}{self.middle}{response or ''}{self.closing}"

    def split(self, text: str) -> Apart | None:
        """The exact parts, or None for a text that is not in this wrapping."""
        if not text.startswith(self.opening):
            return None
        reasoning, middle, rest = text[len(self.opening) :].partition(self.middle)
        if not middle or not reasoning or not rest.endswith(self.closing):
            return None
        return Apart(reasoning, rest.removesuffix(self.closing))


# DeepSeek-R1's own output, as its chat template and most students of it have it.
R1 = Wrapping("<think>\n", "\n</think>\n\n")
# DeepSeek-R1-Zero (arXiv 2501.12948, table 1).
R1_ZERO = Wrapping("<think>", "</think> <answer>", "</answer>")
# OpenThoughts-114k and Sky-T1 (open-thoughts/open-thoughts, open_thoughts/prompt.py).
OPENTHOUGHTS = Wrapping(
    "<|begin_of_thought|>\n\n",
    "\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n",
    "\n\n<|end_of_solution|>",
)
# Open-O1 and Marco-o1.
THOUGHT = Wrapping("<Thought>\n", "\n</Thought>\n<Output>\n", "\n</Output>")
_ALL = (R1, R1_ZERO, OPENTHOUGHTS, THOUGHT)
# Text that tokenizers of R1 and Qwen read as control tokens wherever it stands.
CONTROL = ("<think>", "</think>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<｜User｜>", "<｜Assistant｜>")


def take_apart(text: str) -> Apart:
    """Exactly where the text is in one of the wrappings above, else at its first closing tag and without the white
    space around both parts; a text without tags is all response."""
    for wrapping in _ALL:
        if (found := wrapping.split(text)) is not None:
            return found
    parts = split_tags(text)
    if parts.tag is None:
        return Apart(None, text)
    return Apart(parts.reasoning.strip() or None, parts.response.strip(), parts.closed)


def survives(wrapping: Wrapping, reasoning: str | None, response: str | None) -> bool:
    """True where the joined text comes apart into the same two parts again."""
    return take_apart(wrapping.join(reasoning, response)) == Apart(reasoning or None, response or "")
