"""Thinking that was begun and is to go on: as the model's chat template marks it, or as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from cotkit.distill.presets import Capability
from cotkit.distill.strategies import Attempt, Reply, Strategy

# Punctuation that went with a word that is taken out.
_AFTER_WORD = " ,.;:!…—，。；：！、"


@dataclass(frozen=True, slots=True)
class Thought:
    """Pieces of thinking with words of ours between them.

    Attributes:
        marked: the model thinks apart from its answer; else its visible text is what goes on.
    """

    pieces: Sequence[str]
    words: Sequence[str]
    marked: bool

    def on(self, word: str, piece: str) -> Thought:
        """With a word of ours and what the model made of it."""
        return Thought([*self.pieces, piece], [*self.words, word], self.marked)

    def text(self, after: str = "") -> str:
        """All of it, and then `after` in a paragraph of its own."""
        whole = self.pieces[0]
        for word, piece in zip(self.words, self.pieces[1:], strict=True):
            whole = f"{whole.rstrip()}\n\n{word}{piece}"
        return f"{whole.rstrip()}\n\n{after}" if after else whole.rstrip()

    def stored(self, keep_words: bool) -> tuple[str, list[list[int]]]:
        """What a row holds, and where in it our words are: [start, end] each; empty where a word was taken out."""
        whole, spans = self.pieces[0], list[list[int]]()
        for word, piece in zip(self.words, self.pieces[1:], strict=True):
            whole = f"{whole.rstrip()}\n\n"
            spans.append([len(whole), len(whole) + (len(word) if keep_words else 0)])
            whole += word + piece if keep_words else piece.lstrip(_AFTER_WORD)
        return whole.rstrip(), spans


def thought_of(reply: Reply) -> Thought:
    """What may go on of a first answer: its thinking, or its text where it shows none."""
    marked = reply.reasoning is not None
    return Thought([(reply.reasoning if marked else reply.response) or ""], [], marked)


class Continuing(Strategy):
    """Base of strategies that let thinking go on."""

    tags: tuple[str, str] = Field(
        ("<think>", "</think>"), description="How the model's chat template marks thinking, for a model that thinks."
    )

    needs: ClassVar[tuple[Capability, ...]] = ("prefix",)

    def begun(self, thought: Thought, word: str) -> str:
        """The begun answer in which the thinking goes on with a word."""
        return f"{self.tags[0]}\n{thought.text(word)}" if thought.marked else thought.text(word)

    def closed(self, thought: Thought, answer: str) -> str:
        """The begun answer in which the thinking is over and the visible answer goes on."""
        if not thought.marked:
            return thought.text(answer)
        return f"{self.tags[0]}\n{thought.text()}\n{self.tags[1]}\n\n{answer}"


def lost(reply: Reply, made_of: Sequence[Reply], reason: str) -> Attempt:
    """An attempt that ends with a reply that cannot be used."""
    return Attempt(
        reply.reasoning,
        reply.response,
        made_of,
        status=reply.status,
        reason=reason,
        evidence={"status": reply.status, "finish_reason": reply.finish_reason, "error": reply.error},
    )
