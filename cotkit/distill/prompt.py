"""From a problem to the messages that are sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from cotkit.config import Config
from cotkit.records import lettered

DEFAULT_USER = (
    "Solve the problem below. Reason step by step, check your work, and end with the final answer in \\boxed{}.\n\n"
    "{problem}"
)
_PLACEHOLDER = re.compile(r"\{problem\}|\{choices\}")

Message = dict[str, str]


def _template(value: str) -> str:
    if "{problem}" not in value:
        raise PydanticCustomError("template", "the placeholder {problem} is missing", {"problem": "{problem}"})
    return value


class Prompt(Config):
    """What the teacher is told. Only {problem} and {choices} are replaced; other braces stay (LaTeX)."""

    system: str | None = Field(None, description="System message; none is sent when unset.")
    user: Annotated[str, AfterValidator(_template)] = Field(
        DEFAULT_USER,
        description="User message with {problem} in it. Options go where {choices} is, or at the end if it is nowhere.",
    )

    def messages(self, problem: str, choices: Sequence[str] | None = None) -> list[Message]:
        """The chat messages for one problem; options become lines with letters."""
        options = lettered(choices)
        values = {"{problem}": problem, "{choices}": options}
        # One pass: a placeholder inside the problem's own text stays as it is.
        text = _PLACEHOLDER.sub(lambda found: values[found.group()], self.user)
        if options and "{choices}" not in self.user:
            text = f"{text}\n\n{options}"
        system = [{"role": "system", "content": self.system}] if self.system is not None else []
        return [*system, {"role": "user", "content": text}]
