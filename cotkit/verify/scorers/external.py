"""Any scorer behind a URL: one request an attempt, numbers back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cotkit.verify.scorers import Attempt, Scored
from cotkit.verify.scorers.remote import Ask, NotScored, Remote, number

Part = Literal["problem", "reference", "reasoning", "response"]


class External(Remote):
    """The scores that a server of your own gives: a hallucination score, a readability model, a reward model.

    It is sent `{"problem": …, "reasoning": …, "response": …}` as a POST to `url` and answers with a number,
    `{"score": number}` or `{"scores": {name: number}}`.
    """

    by: Literal["http"] = "http"
    gives: tuple[Annotated[str, StringConstraints(pattern=r"^\w{1,60}$")], ...] = Field(
        ("external",), min_length=1, description="Names of the scores; a single number is the first."
    )
    send: tuple[Part, ...] = Field(
        ("problem", "reasoning", "response"), min_length=1, description="What of an attempt the server is shown."
    )

    def names(self) -> tuple[str, ...]:
        return self.gives

    def posts(self, attempt: Attempt) -> Sequence[int]:
        return [sum(len(getattr(attempt, part) or "") for part in self.send)]

    def asked(self, attempt: Attempt, ask: Ask) -> Scored:
        reply = ask("", {part: getattr(attempt, part) for part in self.send})
        told = reply.get("scores", reply.get("score")) if isinstance(reply, dict) else reply
        if not isinstance(told, dict):
            return Scored({self.gives[0]: number(told)})
        found = {name: number(told[name]) for name in self.gives if name in told}
        if len(found) < len(self.gives):
            lacking = [name for name in self.gives if name not in found]
            if not found:
                raise NotScored("scorer_reply_lacks", lacking=lacking)
            return Scored(found, "scorer_reply_lacks", {"lacking": lacking})
        return Scored(found)
