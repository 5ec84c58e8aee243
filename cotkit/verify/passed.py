"""What trainers pass to a reward: responses, right answers and problems, in the shapes of data sets and of chats."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cotkit.errors import InputError
from cotkit.verify.extract import extract_reference
from cotkit.verify.policy import Policy

# Names under which data sets keep the right answer and the problem; the first that is there is taken.
REFERENCES = ("reference", "answer", "solution", "ground_truth", "gold", "target")
QUESTIONS = ("question", "problem")
# Trainers that decode with special tokens leave the one that ended the response.
_END = re.compile(r"(?:<[|｜][^<>\s]{1,40}[|｜]>|</s>|<eos>|<end_of_turn>)\s*\Z")


def response_of(response: Any) -> str | None:
    """The response without the token that ended it; None for what is no text."""
    return _END.sub("", response) if isinstance(response, str) else None


def accepted(right: Any) -> list[str]:
    """The accepted answers in a cell of a data set: a text (also a whole solution), a number, a list or an array."""
    if hasattr(right, "tolist"):
        right = right.tolist()
    if isinstance(right, list | tuple):
        return [text for item in right for text in accepted(item)]
    if right is None or isinstance(right, Mapping):
        return []
    text = str(right)
    # A whole solution ends in its answer; a bare answer is itself.
    found = extract_reference(None, text).answer or extract_reference(text, None).answer
    return [found] if found else []


def text_of(completion: Any) -> str | None:
    """The text of a completion: itself, or the content of its last message that has one."""
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, list | tuple):
        return None
    for message in reversed(completion):
        content = message.get("content") if isinstance(message, Mapping) else None
        if isinstance(content, str):
            return content
        if isinstance(content, list | tuple):
            parts = [part.get("text") for part in content if isinstance(part, Mapping)]
            return "".join(part for part in parts if isinstance(part, str))
    return None


def references_in(columns: Mapping[str, Any], names: Sequence[str]) -> Sequence[Any]:
    """The column of the right answers. Raises InputError where there is none."""
    name = next((name for name in names if name in columns), None)
    if name is None:
        raise InputError(
            f"the reward needs the right answers in a column {' or '.join(names)}, and the trainer passes "
            f"{', '.join(sorted(columns)) or 'none'}; name it with reference=..."
        )
    return columns[name]  # type: ignore[no-any-return]


def questions_in(columns: Mapping[str, Any], count: int) -> Sequence[Any]:
    return next((columns[key] for key in (*QUESTIONS, "prompts") if key in columns), None) or [None] * count


def policy_of(policy: Policy | Mapping[str, Any] | None) -> Policy | None:
    return policy if policy is None or isinstance(policy, Policy) else Policy.model_validate(dict(policy))
