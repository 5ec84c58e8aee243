"""What a recipe needs of its teacher, against what the teacher is known to lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotkit.distill.presets import Capability
from cotkit.distill.teacher import Teacher

# Keys of extra_body that only work with a capability.
_BY_KEY: Mapping[str, Capability] = {
    "logprobs": "logprobs",
    "top_logprobs": "logprobs",
    "stop": "stop",
    "response_format": "json",
    "continue_final_message": "prefix",
    "prefix": "prefix",
}
_WORDS: Mapping[Capability, str] = {
    "trace": "shows no reasoning",
    "n": "gives one answer a request",
    "logprobs": "gives no logprobs",
    "prefix": "cannot continue a begun answer",
    "json": "has no JSON mode",
    "stop": "takes no stop sequences",
    "seed": "takes no seed",
}


def missing(teacher: Teacher, needs: Sequence[Capability], extra_body: Mapping[str, Any]) -> list[str]:
    """A sentence for each thing that is needed and lacking; nothing of teachers that nobody has described."""
    preset = teacher.known
    sentences = []
    if teacher.reasoning == "none" and "trace" in needs:
        sentences.append(
            f"the teacher {teacher.model} shows no reasoning (teacher.reasoning is none) and the recipe needs it; "
            "choose another teacher (`cotkit teachers`), or take 'trace' out of needs"
        )
    if preset is None:
        return sentences
    asked = {**dict.fromkeys(needs), **{_BY_KEY[key]: None for key in extra_body if key in _BY_KEY}}
    for capability in asked:
        if capability in preset.lacks and not (capability == "trace" and sentences):
            sentences.append(
                f"the teacher preset '{teacher.preset}' {_WORDS[capability]}, and the recipe needs it; choose another "
                "teacher (`cotkit teachers`), or take it out of the recipe"
            )
    return sentences
