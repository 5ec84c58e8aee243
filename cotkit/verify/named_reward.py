"""Rewards by the names of scorers, for trainers: what `cotkit score` writes into a column, computed on the fly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cotkit.errors import InputError, RecipeError
from cotkit.registry import lookup, names
from cotkit.verify import Policy, grade
from cotkit.verify.extract import visible
from cotkit.verify.passed import REFERENCES, accepted, policy_of, questions_in, references_in, response_of, text_of
from cotkit.verify.scorers import AnyScorer, Attempt, Scorer


@dataclass(frozen=True)
class NamedReward:
    """A TRL reward by a scorer; made by `make_reward`. Attempts at one prompt, in one call, are a group.

    Attributes:
        names: columns that may hold the right answers.
        undecided: what an attempt earns whose score cannot be had; None leaves it out of TRL's sum.
        prefilled: what the chat template puts before every completion, such as `<think>\\n`.
    """

    scorer: Scorer
    names: Sequence[str] = REFERENCES
    undecided: float | None = None
    policy: Policy | None = None
    prefilled: str = ""

    @property
    def __name__(self) -> str:
        return self.scorer.by

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """As `answer_reward`, with TRL's `completion_ids` for scorers that count tokens."""
        right, asked = references_in(columns, self.names), questions_in(columns, len(completions))
        prompts = columns.get("prompts") or asked
        ids = columns.get("completion_ids") or [None] * len(completions)
        attempts = [
            self.attempt(one, text_of(completion), text_of(question), None if tokens is None else len(tokens))
            for one, completion, question, tokens in zip(right, completions, asked, ids, strict=True)
        ]
        keys = [(repr(prompt), repr(one)) for prompt, one in zip(prompts, right, strict=True)]
        return self.rewards(attempts, keys)

    def attempt(self, right: Any, response: Any, asked: Any, tokens: int | None) -> Attempt:
        """A response as scorers see it, graded."""
        own = response_of(response) or ""
        text = self.prefilled + own
        question = asked if isinstance(asked, str) else ""
        verdict = grade(accepted(right), text, question=question or None, policy=self.policy)
        return Attempt(
            question, text, verdict.value, tokens=tokens, is_cut=visible(text) is None, is_empty=not own.strip()
        )

    def rewards(self, attempts: Sequence[Attempt], keys: Sequence[Any]) -> list[float | None]:
        """One number for each attempt; those with equal keys are a group."""
        groups: dict[Any, list[int]] = defaultdict(list)
        for place, key in enumerate(keys):
            groups[key].append(place)
        found: list[float | None] = [self.undecided] * len(attempts)
        for places in groups.values():
            answers = self.scorer.score([attempts[place] for place in places])
            for place, answer in zip(places, answers, strict=True):
                if answer.why == "no_length":
                    raise InputError(
                        f"the reward {self.scorer.by} counts tokens, and the trainer does not say how many a response "
                        "has; set unit: chars"
                    )
                found[place] = answer.values.get(self.scorer.reward, self.undecided)
        return found


def make_reward(
    by: str,
    *,
    reference: str | None = None,
    undecided: float | None = None,
    policy: Policy | Mapping[str, Any] | None = None,
    prefilled: str = "",
    **keys: Any,
) -> NamedReward:
    """A TRL reward by a scorer's name and keys: r1_zero, deepscaler, open_r1, cosine, k15_length, repetition.

    `make_reward("cosine", max_length=4096)` gives what `cotkit score --reward cosine` would write.
    Raises RecipeError for a name or a key that there is not.
    """
    names = REFERENCES if reference is None else (reference,)
    return NamedReward(scorer_of({"by": by, **keys}), names, undecided, policy_of(policy), prefilled)


@cache
def _adapter() -> TypeAdapter[Scorer]:
    """Built once: verl names its reward anew with every response."""
    return TypeAdapter(AnyScorer)


def scorer_of(told: str | Mapping[str, Any]) -> Scorer:
    """The scorer behind a name, or behind its keys with `by`. Raises RecipeError where it gives no reward."""
    keys = {"by": told} if isinstance(told, str) else _plain(told)
    by = str(keys.get("by", "")).replace("-", "_") if isinstance(keys, dict) else ""
    rewards = _rewards()
    if by not in rewards:
        what = f"there is no reward '{by}'" if by not in names("scorers") else f"the scorer '{by}' gives no reward"
        raise RecipeError(f"{what}; take one of {', '.join(rewards)}")
    try:
        return _adapter().validate_python({**keys, "by": by})
    except ValidationError as error:
        raise RecipeError(f"the reward {told}: {error.errors()[0]['msg']}") from error


@cache
def _rewards() -> tuple[str, ...]:
    """Names of the scorers that give a trainer a number."""
    return tuple(name for name in names("scorers") if getattr(lookup("scorers", name), "reward", ""))


def _plain(value: Any) -> Any:
    """Mappings and sequences of a trainer's own kinds (OmegaConf's) as dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
