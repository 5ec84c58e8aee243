"""A changed judge or translator is not paid without a word, and only its own calls are; no reference, no payment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, play, problem_table, run_construct

from cotkit.curate.filters.language import language_of
from cotkit.curate.translate import Translate
from cotkit.distill.construct import Construct
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.errors import RecipeError
from cotkit.records import Example, Message, Problem, frame
from cotkit.steps import NoProgress, StepContext

PROBLEMS = [(f"How much is {n} + {14 - n}?", "14") for n in range(3)]


class Says(NoProgress):
    """Answers every question the same, and keeps it."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.answer


def speak(body: Mapping[str, Any]) -> Reply:
    text = str(body["messages"])
    return Reply(match="", content="SCORES: 7" if "SCORES:" in text else "It is \\boxed{14}.")


def judged(url: str, **judge: Any) -> Construct:
    role = {"teacher": {"base_url": url, "model": judge.pop("model", "judge")}, **judge}
    return construct(url, {"by": "best_of_n", "n": 2, "vote": "last_max", "judge": role})


def run(step: Construct, folder: Path, says: Says | None = None) -> Any:
    return step.run(
        {Problem: problem_table(PROBLEMS)}, StepContext(seed=0, work=folder, run=folder, progress=says or NoProgress())
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [({"model": "judge2"}, "model: judge → judge2"), ({"sampling": {"temperature": 0.5}}, "temperature: unset → 0.5")],
)
def test_another_judge_is_asked_about_and_only_its_calls_are_made(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        run(judged(server.url), tmp_path)
        before = len(server.log.requests)
        with pytest.raises(RecipeError, match="add --yes"):
            run(judged(server.url, **change), tmp_path)
        no = Says(False)
        with pytest.raises(RecipeError):
            run(judged(server.url, **change), tmp_path, no)
        assert words in no.asked[0]
        assert "the calls of the judge for 3 problems" in no.asked[0]
        assert len(server.log.requests) == before
        run(judged(server.url, **change), tmp_path, Says(True))
        new = Counter(entry["body"]["model"] for entry in server.log.requests[before:])
        assert new.pop("m", 0) == 0
        assert sum(new.values()) == 3  # two equal answers are one question
        # Said once, it holds, and going back costs nothing.
        run(judged(server.url, **change), tmp_path)
        run(judged(server.url), tmp_path)
        assert len(server.log.requests) == before + 3


def test_a_judge_that_was_never_paid_is_not_asked_about(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        run_construct(construct(server.url, {"by": "best_of_n", "n": 2}), problem_table(PROBLEMS), tmp_path)
        # The strategy's own keys are the teacher's settings, as before: that is another question.
        says = Says(True)
        run(judged(server.url), tmp_path, says)
        assert not any("of the judge" in question for question in says.asked)


@pytest.mark.parametrize("strategy", ["self_correct", "reflect", "truncate_recomplete", "star", "rewrite"])
def test_a_problem_without_a_reference_costs_nothing(tmp_path: Path, strategy: str) -> None:
    with ScriptedTeacher(Scenario(thinks=False, shape="vllm"), speak=speak) as server:
        step = construct(server.url, {"by": strategy}, teacher={"preset": "vllm"})
        output = run_construct(step, problem_table([("Why?", None), ("How?", " ")]), tmp_path)
        assert server.log.requests == []
    assert output.dropped["reason"].to_list() == ["no_reference"] * 2


ENGLISH = "How many legs do the twelve cows and the five hens of the farm have altogether?"


def row(problem: str, language: str | None) -> Example:
    made = play([(problem, "58")])[0]
    turns = [Message("user", problem), Message("assistant", "They have \\boxed{58} legs.")]
    return Example(
        made.problem_id, turns, problem, "58", None, "They have \\boxed{58} legs.", "correct", "exact", 1.0, 1, "math",
        "t", 0, None, language, "m", 0, None, "none",
    )  # fmt: skip


def translate(url: str, to: str, folder: Path, examples: list[Example], model: str = "t") -> Any:
    step = Translate.model_validate(
        {"to": to, "teacher": {"base_url": url, "model": model}, "limits": {"timeout_s": 60}}
    )
    assert sum(len(one.prompts) for one in step.asking(examples)) == 0 or to != "en"
    return step.run({Example: frame(Example, examples)}, StepContext(seed=0, work=folder, run=folder))


def test_what_is_in_the_language_already_is_not_translated(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        output = translate(server.url, "en", tmp_path, [row(ENGLISH, None)])
        assert server.log.requests == []
    assert output.kept.height == 1
    assert [language_of(text) for text in (ENGLISH, "求所有满足条件的正整数的和,并且说明你的理由是什么。", "$x$")] == [
        "en",
        "zh",
        None,
    ]


def test_another_translator_is_asked_about(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        translate(server.url, "zh", tmp_path, [row(ENGLISH, "en")])
        paid = len(server.log.requests)
        assert paid > 0
        with pytest.raises(RecipeError, match="model: t → other"):
            translate(server.url, "zh", tmp_path, [row(ENGLISH, "en")], "other")
        assert len(server.log.requests) == paid
        translate(server.url, "de", tmp_path, [row(ENGLISH, "en")], "other")  # another language is another matter
        assert len(server.log.requests) > paid
