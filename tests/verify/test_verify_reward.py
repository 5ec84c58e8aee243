"""Rewards in the signatures of TRL and verl: the grader's verdicts, from any thread and any worker."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

from cotkit.errors import InputError
from cotkit.verify import Policy, reward
from cotkit.verify.reward import answer_reward, compute_score, make_answer_reward

COMPLETIONS = ["so \\boxed{\\frac12}", "\\boxed{3}", "I have no idea.", ""]


def trl(function: Any, completions: list[Any], **columns: Any) -> Any:
    """The call as GRPOTrainer makes it."""
    prompts = ["What is half of one?"] * len(completions)
    return function(
        prompts=prompts, completions=completions, completion_ids=[[1, 2]] * len(completions), trainer_state=object(),
        log_extra=print, log_metric=print, **columns,
    )  # fmt: skip


@pytest.mark.parametrize("column", ["reference", "answer", "solution", "ground_truth"])
def test_texts_as_trl_passes_them(column: str) -> None:
    assert trl(answer_reward, COMPLETIONS, **{column: ["0.5"] * 4}) == [1.0, 0.0, None, None]


def test_chat_messages() -> None:
    chats = [
        [{"role": "assistant", "content": "\\boxed{4}"}],
        [{"role": "assistant", "content": [{"type": "text", "text": "\\boxed{"}, {"type": "text", "text": "4}"}]}],
        [{"role": "assistant", "content": "\\boxed{4}"}, {"role": "assistant", "content": "No, \\boxed{5}"}],
        [{"role": "assistant", "content": "\\boxed{4}"}, {"role": "assistant", "tool_calls": []}],
        [],
        None,
        [None],
    ]
    assert trl(answer_reward, chats, answer=["4"] * 7) == [1.0, 1.0, 0.0, 1.0, None, None, None]


def test_references_of_many_kinds() -> None:
    right = ["We see that it is \\boxed{7}.", "#### 7", 7, 7.0, ["6", "7"], np.array(["7"]), np.int64(7), None, {}]
    assert trl(answer_reward, ["\\boxed{7}"] * 9, solution=right) == [1.0] * 7 + [None] * 2


def test_the_question_counts() -> None:
    asked = ["Which is odd? (A) 2 (B) 3 (C) 4"] * 2
    assert trl(answer_reward, ["The answer is 3.", "The answer is 2."], answer=["B", "B"], problem=asked) == [1.0, 0.0]
    chat = [[{"role": "user", "content": asked[0]}]] * 2
    assert answer_reward(["The answer is 3.", "\\boxed{C}"], prompts=chat, answer=["B", "B"]) == [1.0, 0.0]


def test_choices_of_the_user() -> None:
    strict = make_answer_reward(reference="gold", undecided=0.25, policy={"tolerance": 0.1})
    assert strict.__name__ == "answer_reward"
    assert trl(strict, ["\\boxed{10.5}", "\\boxed{12}", "?"], gold=["10"] * 3, answer=["0"] * 3) == [1.0, 0.0, 0.25]
    assert trl(make_answer_reward(policy=Policy(simplified=True)), ["\\boxed{2/4}"], answer=["1/2"]) == [0.0]


def test_a_missing_column_is_said() -> None:
    with pytest.raises(InputError, match="passes completion_ids, label, log_extra"):
        trl(answer_reward, ["x"], label=["1"])
    with pytest.raises(InputError, match="a column gold, and"):
        trl(make_answer_reward(reference="gold"), ["x"], answer=["1"])


def test_the_call_as_verl_makes_it() -> None:
    def score(response: Any, right: Any, **more: Any) -> float:
        return compute_score(
            data_source="openai/gsm8k", solution_str=response, ground_truth=right, extra_info=more.pop("info", None),
            **more,
        )  # fmt: skip

    assert score("... #### 72", "72") == 1.0
    assert score("the answer is 72<|im_end|>", "72") == 1.0
    assert score("\\boxed{71}", "72") == 0.0
    assert score("no idea", "72") == 0.0
    assert score("no idea", "72", undecided=-0.5, reward_router_address=None) == -0.5
    assert score("\\boxed{71}", np.array(["72", "71"])) == 1.0
    assert score("The answer is 3.", "B", info={"index": 1, "question": "Odd? (A) 2 (B) 3"}) == 1.0
    assert score("\\boxed{100.5}", "100", policy={"tolerance": 0.01}) == 1.0
    assert score(None, "72") == 0.0
    assert score("\\boxed{9^{9^{9^9}}}", "72") in (0.0, 1.0)


def test_it_can_be_loaded_by_its_file_as_verl_does() -> None:
    spec = importlib.util.spec_from_file_location("custom_module", reward.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        sys.modules["custom_module"] = module
        spec.loader.exec_module(module)
        assert module.compute_score("x", "\\boxed{5}", "5") == 1.0
    finally:
        sys.modules.pop("custom_module", None)


HARD = [
    ("0.5", "\\boxed{\\frac12}", 1.0),
    ("3", "\\boxed{4}", 0.0),
    ("4", "?", 0.0),
    ("\\sqrt{4x-400}", "\\boxed{2\\sqrt{x-100}}", 1.0),  # the symbolic rung: a worker process
]


def batch(_: int) -> list[float]:
    return [compute_score("x", response, right) for right, response, _ in HARD]


def test_from_threads_and_from_other_processes() -> None:
    wanted = [score for _, _, score in HARD]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(batch, range(20))) == [wanted] * 20
    assert pickle.loads(pickle.dumps(answer_reward)) is answer_reward  # noqa: S301 - our own bytes
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        assert list(workers.map(batch, range(2))) == [wanted] * 2
