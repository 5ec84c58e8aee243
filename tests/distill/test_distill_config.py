"""The keys of a recipe's distill step, and the name of a request."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cotkit.distill.prompt import Prompt
from cotkit.distill.request import build
from cotkit.distill.step import Distill
from cotkit.distill.teacher import Sampling, Teacher, read_key
from cotkit.errors import TeacherError

SECRET = "sk-very-secret-4711"


def teacher(**more: Any) -> Teacher:
    return Teacher.model_validate({"base_url": "http://localhost:1/v1", "model": "m", **more})


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@host/v1",
        f"https://host/v1?key={SECRET}",
        f"https://host/v1#{SECRET}",
        f"ftp://{SECRET}/v1",
        f"host/{SECRET}",
        f"http://host:{SECRET}/",
        f"http://ho st/{SECRET}",
        f"http://[{SECRET}",
    ],
)
def test_a_url_that_may_hold_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        teacher(base_url=url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [SECRET, "", "1KEY", 5, ["A"]])
def test_a_pasted_key_is_refused_and_not_repeated(value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        teacher(api_key_env=value)
    assert SECRET not in str(caught.value)
    assert "NAME of an environment variable" in str(caught.value)


@pytest.mark.parametrize(
    "extra",
    [
        {"api_key": SECRET},
        {"headers": {"Authorization": SECRET}},
        {"stream": True},
        {"temperature": 1},
        {"n": 2},
        {"x": float("nan")},
        {"x": object()},
    ],
)
def test_extra_body_is_checked(extra: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        teacher(extra_body=extra)


def test_the_key_comes_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_key(teacher()) is None
    named = teacher(api_key_env="COTKIT_TEST_KEY")
    monkeypatch.delenv("COTKIT_TEST_KEY", raising=False)
    with pytest.raises(TeacherError, match="COTKIT_TEST_KEY is not set"):
        read_key(named)
    monkeypatch.setenv("COTKIT_TEST_KEY", f" {SECRET}\n")
    assert read_key(named) == SECRET
    monkeypatch.setenv("COTKIT_TEST_KEY", f"{SECRET}\nX-Evil: 1")
    with pytest.raises(TeacherError) as caught:
        read_key(named)
    assert SECRET not in str(caught.value)


def test_only_placeholders_are_replaced_and_only_once() -> None:
    prompt = Prompt(user="In \\boxed{}: {problem} {x}")
    assert prompt.messages("{choices} {problem} \\frac{1}{2}") == [
        {"role": "user", "content": "In \\boxed{}: {choices} {problem} \\frac{1}{2} {x}"}
    ]
    with pytest.raises(ValidationError, match=r"\{problem\} is missing"):
        Prompt(user="no place for it")


def test_options_are_lettered_where_the_template_wants_them() -> None:
    assert Prompt(user="{problem}").messages("Q", ["x", "y"])[0]["content"] == "Q\n\nA. x\nB. y"
    placed = Prompt(system="Be brief.", user="{choices}|{problem}")
    assert placed.messages("Q", ["x", "y"]) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A. x\nB. y|Q"},
    ]
    assert "Q" in Prompt().messages("Q")[0]["content"]


def test_unset_sampling_is_not_sent_and_seeds_go_up() -> None:
    assert Sampling().sent(3) == {}
    assert Sampling(temperature=0.6, seed=10).sent(3) == {"temperature": 0.6, "seed": 13}


def test_the_request_hash_names_what_is_sent_and_nothing_else() -> None:
    messages = [{"role": "user", "content": "Q"}]

    def name(keys: dict[str, Any], sampling: dict[str, Any], text: str = "Q", sample: int = 0) -> str:
        told = [{"role": "user", "content": text}]
        return build(teacher(**keys), Sampling.model_validate(sampling), told, sample, 7).hash

    base = name({}, {})
    assert base == build(teacher(base_url="http://localhost:1/v1/"), Sampling(), messages, 0, 99).hash
    assert base == name({"api_key_env": "OTHER", "price": {"input": 1, "output": 1}, "reasoning": "none"}, {})
    others = [
        name({"model": "n"}, {}),
        name({"base_url": "http://localhost:2/v1"}, {}),
        name({"extra_body": {"think": True}}, {}),
        name({}, {"temperature": 0.5}),
        name({}, {"max_tokens": 5}),
        name({}, {}, text="Q."),
        name({}, {}, sample=1),
    ]
    assert len({base, *others}) == 8


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"samples": 2, "sampling": {"temperature": 0}}, "samples is 2 at temperature 0"),
        (
            {
                "samples": 2,
                "sampling": {"temperature": 0, "seed": 1},
                "teacher": {"base_url": "http://h", "model": "m", "ignores": ["seed"]},
            },
            "samples is 2 at temperature 0",
        ),
        (
            {
                "sampling": {"temperature": 0.6},
                "teacher": {"base_url": "http://h", "model": "m", "ignores": ["temperature"]},
            },
            "sampling.temperature is set",
        ),
    ],
)
def test_what_cannot_work_is_said_before_the_run(keys: dict[str, Any], words: str) -> None:
    step = {"step": "distill", "teacher": {"base_url": "http://h", "model": "m"}}
    assert words in " ".join(Distill.model_validate({**step, **keys}).check())


def test_a_sound_recipe_has_no_complaints() -> None:
    keys = {"step": "distill", "teacher": {"base_url": "http://h", "model": "m"}, "samples": 4}
    assert Distill.model_validate(keys).check() == []
    assert Distill.model_validate({**keys, "sampling": {"temperature": 0, "seed": 1}}).check() == []
