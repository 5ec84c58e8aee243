"""Rewards for reinforcement learning: the same grading, in the signatures that trainers call.

TRL (GRPOTrainer, reward_funcs=…) calls `f(prompts=…, completions=…, completion_ids=…, **columns)`, a list of one
length for each, with trainer_state, log_extra and log_metric beside the columns of the data set; it leaves None out of
the sum over reward functions, and a row for which none of them speaks gets 0 and a warning.

verl (custom_reward_function.path and .name) calls
`f(data_source=…, solution_str=…, ground_truth=…, extra_info=…, **reward_kwargs)` for one response and wants a number.

Nothing here keeps state, catches signals or needs the main thread: what could run long runs in worker processes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cotkit.errors import InputError
from cotkit.verify import Policy, grade
from cotkit.verify.extract import extract_reference

# Names under which data sets keep the right answer and the problem; the first that is there is taken.
REFERENCES = ("reference", "answer", "solution", "ground_truth", "gold", "target")
QUESTIONS = ("question", "problem")
# Trainers that decode with special tokens leave the one that ended the response.
_END = re.compile(r"(?:<[|｜][^<>\s]{1,40}[|｜]>|</s>|<eos>|<end_of_turn>)\s*\Z")

RewardFunction = Callable[..., list[float | None]]


def answer_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """TRL reward: 1.0 for a correct final answer, 0.0 for an incorrect one, None where grading is undecided.

    Args:
        completions: texts, or lists of chat messages of which the last one is graded.
        columns: lists by name, as TRL passes them: one of REFERENCES holds the right answers (texts, or lists of
            accepted ones), one of QUESTIONS or `prompts` the problems; others are left alone.

    Raises InputError where no column holds the right answers.
    """
    return _rewards(completions, columns, REFERENCES, None, None)


def make_answer_reward(
    reference: str | None = None, undecided: float | None = None, policy: Policy | Mapping[str, Any] | None = None
) -> RewardFunction:
    """`answer_reward` with choices made: the column of the right answers, what undecided earns, the policy."""
    names = REFERENCES if reference is None else (reference,)
    rules = _policy(policy)

    # TRL shows a reward in its logs by its __name__, which a functools.partial would not have.
    def answer_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return _rewards(completions, columns, names, undecided, rules)

    return answer_reward


def compute_score(
    data_source: Any,  # noqa: ARG001 - verl passes it by name
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    undecided: float = 0.0,
    policy: Policy | Mapping[str, Any] | None = None,
    **_: Any,
) -> float:
    """verl score: 1.0 for a correct final answer, 0.0 for an incorrect one, `undecided` where grading is.

    Args:
        data_source: left alone.
        solution_str: the response.
        ground_truth: the right answer, or a list or array of accepted ones.
        extra_info: the problem is taken from its `question` or `problem`, where that is a text.
        undecided: set it by reward_kwargs.
        policy: a Policy or its keys; set it by reward_kwargs.
    """
    asked = next((extra_info[name] for name in QUESTIONS if name in extra_info), None) if extra_info else None
    found = _reward(ground_truth, solution_str, asked, _policy(policy))
    return undecided if found is None else found


def _rewards(
    completions: Sequence[Any],
    columns: Mapping[str, Any],
    names: Sequence[str],
    undecided: float | None,
    policy: Policy | None,
) -> list[float | None]:
    name = next((name for name in names if name in columns), None)
    if name is None:
        raise InputError(
            f"the reward needs the right answers in a column {' or '.join(names)}, and the trainer passes "
            f"{', '.join(sorted(columns)) or 'none'}; name it with make_answer_reward(reference=...)"
        )
    asked = next((columns[key] for key in (*QUESTIONS, "prompts") if key in columns), None) or [None] * len(completions)
    found = (
        _reward(right, text_of(completion), text_of(question), policy)
        for right, completion, question in zip(columns[name], completions, asked, strict=True)
    )
    return [undecided if reward is None else reward for reward in found]


def _reward(right: Any, response: Any, asked: Any, policy: Policy | None) -> float | None:
    response = _END.sub("", response) if isinstance(response, str) else None
    verdict = grade(accepted(right), response, question=asked if isinstance(asked, str) else None, policy=policy)
    return {"correct": 1.0, "incorrect": 0.0}.get(verdict.value)


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


def _policy(policy: Policy | Mapping[str, Any] | None) -> Policy | None:
    return policy if policy is None or isinstance(policy, Policy) else Policy.model_validate(dict(policy))
