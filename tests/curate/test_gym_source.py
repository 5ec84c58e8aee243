"""reasoning-gym as a source; without the package only its one sentence is tested."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

from cotkit.curate.pull import Pull, pull
from cotkit.errors import InputError
from cotkit.steps import NoProgress, StepOutput

INSTALLED = importlib.util.find_spec("reasoning_gym") is not None
needs_gym = pytest.mark.skipif(not INSTALLED, reason='reasoning-gym is not installed: pip install "cotkit[gym]"')


def pulled(**keys: Any) -> StepOutput:
    step = Pull.model_validate({"sources": [{"kind": "gym", "name": "g", **keys}]})
    return pull(step.sources, step.materials({}), NoProgress())


@pytest.mark.skipif(INSTALLED, reason="reasoning-gym is installed")
def test_a_missing_package_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r'needs reasoning-gym, .*pip install "cotkit\[gym\]"'):
        pulled(tasks=["chain_sum"])


@needs_gym
def test_the_same_seed_makes_the_same_problems() -> None:
    keys: dict[str, Any] = {"tasks": ["chain_sum", "leg_counting", "sudoku"], "size": 5}
    first, again, other = pulled(**keys), pulled(**keys), pulled(**keys, seed=1)
    assert first.kept.equals(again.kept)
    assert not set(first.kept["problem_id"]) & set(other.kept["problem_id"])
    assert first.kept["answer_kind"].to_list()[:10] == ["gradable"] * 10
    assert [json.loads(m)["task"] for m in first.kept["metadata"]][::5] == ["chain_sum", "leg_counting", "sudoku"]
    assert first.kept["domain"].to_list()[::5] == ["math", "math", "puzzle"]


@needs_gym
def test_rows_without_an_answer_of_their_own_are_left_out() -> None:
    found = pulled(tasks=["chain_sum", "graph_color"], size=3)
    assert found.kept.height == 3
    assert set(found.dropped["reason"]) == {"not_its_own_answer"}
    assert found.rows_in == 6


@needs_gym
def test_settings_are_the_tasks_own_and_mistakes_are_told() -> None:
    found = pulled(tasks=["chain_sum"], size=3, settings={"chain_sum": {"min_terms": 6, "max_terms": 6}})
    assert all(p.count("+") + p.count("-") >= 5 for p in found.kept["problem"])
    with pytest.raises(InputError, match="no task 'chain_sums'; did you mean 'chain_sum'"):
        pulled(tasks=["chain_sums"])
    with pytest.raises(InputError, match="does not take these settings for 'chain_sum'"):
        pulled(tasks=["chain_sum"], settings={"chain_sum": {"terms": 6}})
