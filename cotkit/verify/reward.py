"""Rewards for reinforcement learning: the same grading, in the signatures that trainers call.

TRL (GRPOTrainer, reward_funcs=…) calls `f(prompts=…, completions=…, completion_ids=…, **columns)`, a list of one
length for each, with trainer_state, log_extra and log_metric beside the columns of the data set; it leaves None out of
the sum over reward functions, and a row for which none of them speaks gets 0 and a warning.

verl (custom_reward_function.path and .name) calls
`f(data_source=…, solution_str=…, ground_truth=…, extra_info=…, **reward_kwargs)` for one response and wants a number.

Its manager `batch` calls `f(data_sources=…, solution_strs=…, ground_truths=…, extra_infos=…, **reward_kwargs)` for a
whole batch and wants a list.

Nothing here keeps state, catches signals or needs the main thread: what could run long runs in worker processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cotkit.errors import InputError, RecipeError
from cotkit.verify import Policy, grade
from cotkit.verify.named_reward import NamedReward, make_reward, scorer_of
from cotkit.verify.passed import (
    QUESTIONS,
    REFERENCES,
    accepted,
    policy_of,
    questions_in,
    references_in,
    response_of,
    text_of,
)

__all__ = ["answer_reward", "compute_score", "compute_scores", "make_answer_reward", "make_reward"]

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
    rules = policy_of(policy)

    # TRL shows a reward in its logs by its __name__, which a functools.partial would not have.
    def answer_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return _rewards(completions, columns, names, undecided, rules)

    return answer_reward


def compute_score(  # noqa: PLR0913, PLR0917 - verl passes the first four by name, the others are reward_kwargs
    data_source: Any,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    undecided: float = 0.0,
    policy: Policy | Mapping[str, Any] | None = None,
    reward: str | Mapping[str, Any] | None = None,
    prefilled: str = "",
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
        reward: a scorer's name, or its keys with `by`, to be used instead; set it by reward_kwargs.
        prefilled: what the chat template puts before every response; set it by reward_kwargs.

    Raises RecipeError for a scorer that compares the attempts at a problem: that needs `compute_scores`.
    """
    if reward is None:
        found = _reward(ground_truth, solution_str, _asked(extra_info), policy_of(policy))
        return undecided if found is None else found
    scorer = scorer_of(reward)
    if scorer.compares:
        raise RecipeError(
            f"the reward {scorer.by} compares the responses to one prompt, and verl gives one at a time; set "
            "custom_reward_function.name to compute_scores and reward_manager to batch"
        )
    return compute_scores(
        [data_source], [solution_str], [ground_truth], [extra_info], reward, undecided, policy, prefilled
    )[0]


def compute_scores(  # noqa: PLR0913, PLR0917 - verl passes the first four by name, the others are reward_kwargs
    data_sources: Sequence[Any],  # noqa: ARG001 - verl passes it by name
    solution_strs: Sequence[Any],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    reward: str | Mapping[str, Any] = "r1_zero",
    undecided: float = 0.0,
    policy: Policy | Mapping[str, Any] | None = None,
    prefilled: str = "",
    **_: Any,
) -> list[float]:
    """verl scores of a batch, for its reward manager `batch`; arguments as of `compute_score`.

    Responses to one problem (the same ground truth, question and `index` in extra_info) are a group. Raises InputError
    for lists of unequal length.
    """
    counts = {"solution_strs": solution_strs, "ground_truths": ground_truths, "extra_infos": extra_infos}
    if len({len(given) for given in counts.values()}) > 1:
        told = ", ".join(f"{len(given)} {name}" for name, given in counts.items())
        raise InputError(f"compute_scores got {told}; it takes one of each for a response")
    named = NamedReward(scorer_of(reward), (), undecided, policy_of(policy), prefilled)
    asked = [_asked(extra) for extra in extra_infos]
    attempts = [
        named.attempt(right, response, question, None)
        for right, response, question in zip(ground_truths, solution_strs, asked, strict=True)
    ]
    keys = [
        (repr(right), repr(question), repr((extra or {}).get("index")))
        for right, question, extra in zip(ground_truths, asked, extra_infos, strict=True)
    ]
    return [undecided if found is None else found for found in named.rewards(attempts, keys)]


def _asked(extra_info: Mapping[str, Any] | None) -> Any:
    return next((extra_info[name] for name in QUESTIONS if name in extra_info), None) if extra_info else None


def _rewards(
    completions: Sequence[Any],
    columns: Mapping[str, Any],
    names: Sequence[str],
    undecided: float | None,
    policy: Policy | None,
) -> list[float | None]:
    right, asked = references_in(columns, names), questions_in(columns, len(completions))
    found = (
        _reward(one, text_of(completion), text_of(question), policy)
        for one, completion, question in zip(right, completions, asked, strict=True)
    )
    return [undecided if reward is None else reward for reward in found]


def _reward(right: Any, response: Any, asked: Any, policy: Policy | None) -> float | None:
    response = response_of(response)
    verdict = grade(accepted(right), response, question=asked if isinstance(asked, str) else None, policy=policy)
    return {"correct": 1.0, "incorrect": 0.0}.get(verdict.value)
