"""From a problem to the messages that are sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.config import Config
from cotkit.records import Domain, lettered

DEFAULT_USER = (
    "Solve the problem below. Reason step by step, check your work, and end with the final answer in \\boxed{}.\n\n"
    "{problem}"
)
PROGRAM_FORM = "{program_form}"
_PLACEHOLDER = re.compile(r"\{problem\}|\{choices\}|\{program_form\}")

Message = dict[str, str]


def _template(value: str) -> str:
    if "{problem}" not in value:
        raise PydanticCustomError("template", "the placeholder {problem} is missing", {"problem": "{problem}"})
    return value


Template = Annotated[str, AfterValidator(_template)]


class DomainPrompt(Config):
    """What the teacher is told about the problems of one domain; what is unset is as for all others."""

    system: str | None = Field(None, description="System message; that of all others when unset.")
    user: Template | None = Field(None, description="User message; that of all others when unset.")

    @model_validator(mode="after")
    def _something(self) -> DomainPrompt:
        if self.system is None and self.user is None:
            raise PydanticCustomError("prompt", "says nothing: give system, user or both")
        return self


class Prompt(Config):
    """What the teacher is told. Only the placeholders are replaced; other braces stay (LaTeX)."""

    system: str | None = Field(None, description="System message; none is sent when unset.")
    user: Template = Field(
        DEFAULT_USER,
        description="User message with {problem} in it. Options go where {choices} is, or at the end if it is nowhere; "
        "{program_form} says which program a problem's tests ask for: one on stdin, or a function and its name.",
    )
    by_domain: dict[Domain, DomainPrompt] = Field(
        default_factory=dict, description="Domain -> what is said instead about its problems."
    )

    def of(self, domain: str | None) -> Prompt:
        """The prompt for problems of a domain, without `by_domain`."""
        own = next((told for name, told in self.by_domain.items() if name == domain), None)
        if own is None:
            return Prompt(system=self.system, user=self.user)
        return Prompt(
            system=self.system if own.system is None else own.system,
            user=self.user if own.user is None else own.user,
        )

    def systems(self) -> str | dict[str, str] | None:
        """The system message; by domain where some have their own."""
        own: dict[str, str] = {name: told.system for name, told in self.by_domain.items() if told.system is not None}
        return own | {"others": self.system or ""} if own else self.system

    def about(self, problem: str, choices: Sequence[str] | None, domain: str, tests: str | None) -> list[Message]:
        """The chat messages for a problem of a domain; `tests` as a Problem has them."""
        prompt = self.of(domain)
        form = ""
        if tests and PROGRAM_FORM in prompt.user:
            from cotkit.verify.code import program_form, read_tests

            form = program_form(read_tests(tests))
        return prompt.messages(problem, choices, form)

    def tells_form(self) -> bool:
        """Whether the tests of a problem decide what is asked."""
        users = (self.user, *(told.user for told in self.by_domain.values()))
        return any(PROGRAM_FORM in user for user in users if user is not None)

    def messages(self, problem: str, choices: Sequence[str] | None = None, program_form: str = "") -> list[Message]:
        """The chat messages for one problem; options become lines with letters."""
        options = lettered(choices)
        values = {"{problem}": problem, "{choices}": options, PROGRAM_FORM: program_form}
        # One pass: a placeholder inside the problem's own text stays as it is.
        text = _PLACEHOLDER.sub(lambda found: values[found.group()], self.user)
        if options and "{choices}" not in self.user:
            text = f"{text}\n\n{options}"
        system = [{"role": "system", "content": self.system}] if self.system is not None else []
        return [*system, {"role": "user", "content": text}]
