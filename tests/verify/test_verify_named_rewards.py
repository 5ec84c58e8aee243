"""Named rewards as TRL and verl call them: the scores that `cotkit score` writes, by group, from any thread."""

from __future__ import annotations

import importlib.util
import pickle
from collections import UserDict, UserList
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.errors import InputError, RecipeError
from cotkit.verify.reward import compute_score, compute_scores, make_reward

R1 = "<think>\n3 * 4 = 12\n</think>\n<answer>\n14\n</answer>"
BOX = "<think>\nsum\n</think>\n\\boxed{14}"


def trl(reward: Any, completions: list[Any], prompts: list[Any], **columns: Any) -> Any:
    """As GRPOTrainer calls it: lists of one length beside its own state and hooks."""
    return reward(
        prompts=prompts,
        completions=completions,
        completion_ids=[list(range(len(str(c)))) for c in completions],
        trainer_state=object(),
        log_extra=print,
        log_metric=print,
        **columns,
    )


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        ("r1_zero", [1.1, 0.0, 1.0, 0.1]),
        ("open_r1", [3.0, 0.5, 1.5, 2.0]),
        ("deepscaler", [0.0, 0.0, 1.0, 0.0]),
    ],
)
def test_rules_as_trl_calls_them(by: str, wanted: list[float]) -> None:
    texts = [R1, BOX.replace("14", "15"), BOX, R1.replace("14", "15")]
    chats = [[{"role": "assistant", "content": text}] for text in texts]
    asked = [[{"role": "user", "content": "2 + 3 * 4?"}]] * 4
    reward = make_reward(by)
    assert trl(reward, chats, asked, answer=["14"] * 4) == pytest.approx(wanted)
    assert trl(reward, texts, ["2 + 3 * 4?"] * 4, solution=["so \\boxed{14}"] * 4) == pytest.approx(wanted)
    assert reward.__name__ == by


@pytest.mark.parametrize(
    ("by", "keys", "least"),
    [
        ("r1_zero", {}, 0.0),
        ("r1-zero", {}, 0.0),
        ("open_r1", {}, 0.0),
        ("deepscaler", {}, 0.0),
        ("cosine", {}, -10.0),
        ("cosine", {"correct": [1, 0.5], "wrong": [-1, -0.5], "max_length": 1000, "margin": None}, -1.0),
        ("k15_length", {}, -0.5),
    ],
)
def test_an_empty_completion_is_wrong_and_earns_the_least(by: str, keys: dict[str, Any], least: float) -> None:
    found = trl(make_reward(by, **keys), ["", " \n", BOX, BOX + " ", None, R1], ["a"] * 6, answer=["14"] * 6)
    assert found[:2] == [least, least]
    assert found[4] == least
    assert all(value is not None and value >= least for value in found)
    assert trl(make_reward(by, **keys), [BOX, BOX + " ", R1], ["a"] * 3, answer=["14"] * 3) == [*found[2:4], found[5]]


def test_a_name_that_is_no_reward_is_told_those_that_are() -> None:
    for name, said in (("patterns", "gives no reward"), ("r1_one", "there is no reward 'r1_one'")):
        with pytest.raises(RecipeError) as refused:
            make_reward(name)
        assert said in str(refused.value)
        assert "r1_zero" in str(refused.value)
        assert "quoted_numbers" not in str(refused.value)


def test_lists_of_unequal_length_are_told_of() -> None:
    with pytest.raises(InputError, match="2 solution_strs, 1 ground_truths, 2 extra_infos"):
        compute_scores(["x"] * 2, ["a", "b"], ["1"], [None, None])


def test_lengths_go_by_the_tokens_of_the_trainer_and_by_prompt() -> None:
    texts = ["\\boxed{1}" + " " * n for n in (0, 100, 200)] * 2
    prompts = ["a"] * 3 + ["b"] * 3
    right = ["1"] * 3 + ["2"] * 3
    found = trl(make_reward("k15_length"), texts, prompts, answer=right)
    assert found == [0.5, 0.0, -0.5, 0.0, 0.0, -0.5]
    mixed = [0, 3, 1, 4, 2, 5]
    texts, prompts, right = ([part[i] for i in mixed] for part in (texts, prompts, right))
    shuffled = trl(make_reward("k15_length"), texts, prompts, answer=right)
    assert shuffled == [found[i] for i in mixed]
    cosine = make_reward("cosine", max_length=18, margin=None)
    assert trl(cosine, ["\\boxed{1}"] * 2, ["a", "b"], answer=["1", "2"]) == pytest.approx([1.5, -5.0])


def test_what_cannot_be_told_is_left_to_the_trainer() -> None:
    assert trl(make_reward("r1_zero"), ["no idea"], ["a"], answer=["1"]) == [None]
    assert trl(make_reward("r1_zero", undecided=-0.25), ["no idea"], ["a"], answer=["1"]) == [-0.25]
    assert trl(make_reward("r1_zero"), ["<think> on and on"], ["a"], answer=["1"]) == [0.0]


def test_a_template_may_open_the_reasoning() -> None:
    rest = R1.removeprefix("<think>\n")
    assert trl(make_reward("r1_zero"), [rest], ["a"], answer=["14"]) == [1.0]
    assert trl(make_reward("r1_zero", prefilled="<think>\n"), [rest], ["a"], answer=["14"]) == [1.1]


def test_names_and_keys_are_checked() -> None:
    with pytest.raises(RecipeError, match="cosin"):
        make_reward("cosin")
    with pytest.raises(RecipeError, match="did you mean 'max_length'"):
        make_reward("cosine", max_lenght=3)
    with pytest.raises(RecipeError, match="gives no reward"):
        make_reward("patterns")
    with pytest.raises(InputError, match=r"name it with reference="):
        trl(make_reward("cosine"), ["x"], ["p"], label=["1"])


def test_one_response_as_verl_passes_it() -> None:
    def score(response: Any, **more: Any) -> float:
        return compute_score(
            data_source="x", solution_str=response, ground_truth="14", extra_info={"index": 3, "num_turns": 1}, **more
        )

    assert score(R1, reward="r1_zero") == pytest.approx(1.1)
    assert score(R1, reward={"by": "r1_zero", "format": 0.5}, reward_router_address=None) == 1.5
    assert score(BOX, reward={"by": "cosine", "unit": "chars", "max_length": 10_000}) > 1.99
    configured = UserDict({"by": "cosine", "unit": "chars", "correct": UserList([4, 4]), "max_length": 10_000})
    assert score(BOX, reward=configured) == 4.0  # as OmegaConf hands it over
    assert score("no idea", reward="deepscaler") == 0.0
    assert score("no idea", reward="r1_zero", undecided=-1.0) == -1.0
    with pytest.raises(RecipeError, match="compute_scores"):
        score(R1, reward="k15_length")
    with pytest.raises(InputError, match="unit: chars"):
        score(R1, reward="cosine")


def test_a_batch_as_verl_passes_it() -> None:
    short, long = "\\boxed{14}", "so after all \\boxed{14}"
    found = compute_scores(
        data_sources=np.array(["x"] * 4),
        solution_strs=[short, long, short, long],
        ground_truths=["14", "14", "14", "14"],
        extra_infos=np.array([{"index": 0}, {"index": 0}, {"index": 1}, None]),
        reward={"by": "k15_length", "unit": "chars"},
        rollout_reward_scores=None,
    )
    assert found == [0.5, -0.5, 0.0, 0.0]
    assert compute_scores(["x"], [R1], ["14"], [None]) == [1.1]


def test_it_is_loaded_by_its_file_and_goes_to_other_processes() -> None:
    from cotkit.verify import reward as module

    spec = importlib.util.spec_from_file_location("custom_module_of_a_trainer", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    # verl enters it into sys.modules after this, or not at all.
    spec.loader.exec_module(loaded)
    assert loaded.compute_scores(["x"], [R1], ["14"], [None]) == [1.1]
    again = pickle.loads(pickle.dumps(make_reward("cosine", max_length=9)))  # noqa: S301 - our own bytes
    assert again == make_reward("cosine", max_length=9)


def test_threads_share_the_workers() -> None:
    """Needs the symbolic rung, so a worker process: one for all threads, and it is not left hanging."""
    pairs = [("\\sqrt{4x-400}", "\\boxed{2\\sqrt{x-100}}", 1.0), ("72", "\\boxed{9^{9^{9^9}}}", 0.0)]
    reward = make_reward("r1_zero", undecided=0.0)

    def batch(_: int) -> Any:
        right, texts, _wanted = zip(*pairs, strict=True)
        return trl(reward, list(texts), ["a", "b"], answer=list(right))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(batch, range(12))) == [[wanted for *_, wanted in pairs]] * 12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=30) | st.none() | st.just(R1), min_size=1, max_size=5),
    st.sampled_from(["r1_zero", "deepscaler", "open_r1", "cosine", "k15_length", "repetition"]),
)
def test_no_completion_breaks_a_reward(completions: list[Any], by: str) -> None:
    found = trl(make_reward(by), completions, ["p"] * len(completions), answer=["14"] * len(completions))
    assert len(found) == len(completions)
    assert all(value is None or isinstance(value, float) for value in found)
