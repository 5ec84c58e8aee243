"""The construct step: calls in waves, what a strategy may see, drops with reasons, budgets, kills and estimates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from construct_parts import construct, play, problem_table, run_construct

from cotkit.distill.converse import Ended, converse
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Attempt, Call, Case, Play, Played, Strategy
from cotkit.distill.strategies import Reply as Heard
from cotkit.records import Problem
from cotkit.steps import NoProgress, StepContext, Task

PROBLEMS = [("2+2", "4"), ("3+3", "6"), ("4+4", "8"), ("5+5", "10"), ("6+6", "12")]
FIRST = {"2+2": "4", "3+3": "5", "4+4": "8", "5+5": "9", "6+6": "the sum"}
LOOK = {"by": "self_correct"}
SECOND = {"2+2": "4", "3+3": "6", "4+4": "7", "5+5": "9", "6+6": "12"}


def two_turns(body: Mapping[str, Any]) -> Reply:
    messages = body["messages"]
    text = next(m["content"] for m in messages if m["role"] == "user")
    name = next(name for name in FIRST if name in text)
    answer = (SECOND if len(messages) > 1 else FIRST)[name]
    return Reply(match="", reasoning=f"thought {len(messages)}", content=f"So it is \\boxed{{{answer}}}.")


def test_a_second_look_is_kept_by_how_it_turned_out(tmp_path: Path) -> None:
    with ScriptedTeacher(speak=two_turns) as server:
        output = run_construct(construct(server.url, LOOK), problem_table(PROBLEMS), tmp_path)
        again = run_construct(construct(server.url, LOOK), problem_table(PROBLEMS), tmp_path)
        assert len(server.log.requests) == 10
    facts = [json.loads(text) for text in output.kept["provenance"]]
    assert [f["transition"] for f in facts] == ["right_to_right", "wrong_to_right"]
    assert output.dropped["reason"].to_list() == ["right_to_wrong", "wrong_to_wrong", "undecided_to_right"]
    assert output.kept["strategy"].to_list() == ["self_correct"] * 2
    assert output.kept["reasoning_kind"].to_list() == ["synthetic"] * 2
    start, end = facts[1]["first_span"]
    assert output.kept["reasoning"][1][start:end] == "thought 1\n\nSo it is \\boxed{5}."
    assert output.kept["response"][1] == "So it is \\boxed{6}."
    transitions = sum(v for k, v in output.counters.items() if "_to_" in k)
    assert transitions == output.rows_in == len(PROBLEMS)
    assert (output.counters["calls"], output.counters["requests"]) == (10, 10)
    assert output.secondary["calls"]["purpose"].to_list() == ["first", "second"] * 5
    assert (again.counters["requests"], again.counters["journaled"]) == (0, 10)
    assert again.kept.equals(output.kept)
    assert again.dropped.equals(output.dropped)


class Bar(NoProgress):
    """What is told of the work, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float]]] = []

    def task(self, label: str, total: int) -> AbstractContextManager[Task]:
        return nullcontext(self)

    def advance(self, n: int = 1, **counters: float) -> None:
        self.told.append((n, counters))


@pytest.mark.parametrize(("share", "kept"), [(1.0, 8), (0.5, 4), (0.0, 2)])
def test_rows_that_were_right_from_the_start_keep_to_their_share(tmp_path: Path, share: float, kept: int) -> None:
    """Six of eight are right twice; two are mended."""

    def speak(body: Mapping[str, Any]) -> Reply:
        first = body["messages"][0]["content"]
        wrong = len(body["messages"]) == 1 and first in ("0+14", "1+13")
        return Reply(match="", content="\\boxed{13}" if wrong else "\\boxed{14}")

    problems = [(f"{n}+{14 - n}", "14") for n in range(8)]
    with ScriptedTeacher(speak=speak) as server:
        step = construct(server.url, {**LOOK, "max_right_to_right": share})
        output = run_construct(step, problem_table(problems), tmp_path)
    assert output.kept.height == kept
    assert set(output.dropped["reason"]) <= {"over_right_share"}
    assert (output.counters["wrong_to_right"], output.counters["right_to_right"]) == (2, 6)
    ways = [json.loads(told)["transition"] for told in output.kept["provenance"]]
    assert ways.count("wrong_to_right") == 2


def test_each_answer_is_told_of_as_it_comes_and_not_only_problems_that_are_through(tmp_path: Path) -> None:
    bar, table = Bar(), problem_table(PROBLEMS)
    with ScriptedTeacher(Scenario(completion_tokens=7), speak=two_turns) as server:
        construct(server.url, LOOK).run(
            {Problem: table}, StepContext(seed=0, work=tmp_path, run=tmp_path, progress=bar)
        )
    assert [n for n, _ in bar.told] == [0] * 10 + [1] * 5
    assert sum(counters.get("tokens", 0) for _, counters in bar.told) == 10 * 7
    assert sum(counters.get("calls", 0) for _, counters in bar.told) == 10


@pytest.mark.parametrize("kind", ["400_context", "filter", "length", "empty"])
def test_a_call_that_brings_nothing_is_a_row_with_its_reason(tmp_path: Path, kind: str) -> None:
    with ScriptedTeacher(speak=two_turns) as server:
        server.fault(kind, match="4+4")
        output = run_construct(construct(server.url, LOOK), problem_table(PROBLEMS), tmp_path)
    lost = output.dropped.filter(pl.col("reason") == "first_unfinished")
    assert lost["problem_id"].to_list() == [problem_table(PROBLEMS)["problem_id"][2]]
    assert output.kept.height + output.dropped.height == output.rows_in == len(PROBLEMS)


def test_what_is_lost_for_a_while_is_asked_again_and_the_rest_is_not(tmp_path: Path) -> None:
    step_keys = {"limits": {"timeout_s": 60, "retries": 0}}
    with ScriptedTeacher(speak=two_turns) as server:
        server.fault("503", match="4+4")
        first = run_construct(construct(server.url, LOOK, **step_keys), problem_table(PROBLEMS), tmp_path)
        assert first.incomplete == 1
        server.faults.clear()
        before = len(server.log.requests)
        second = run_construct(construct(server.url, LOOK, **step_keys), problem_table(PROBLEMS), tmp_path)
        assert len(server.log.requests) - before == 2
    assert second.incomplete == 0
    assert set(second.kept["problem_id"]) >= set(first.kept["problem_id"])


def test_a_budget_holds_over_all_calls_of_all_waves_and_can_be_raised(tmp_path: Path) -> None:
    more = {"budget": {"tokens": 320}, "sampling": {"max_tokens": 50}, "limits": {"concurrency": 1}}
    with ScriptedTeacher(Scenario(prompt_tokens=10, completion_tokens=10), speak=two_turns) as server:
        output = run_construct(construct(server.url, LOOK, **more), problem_table(PROBLEMS), tmp_path)
        spent = server.log.prompt_tokens + server.log.completion_tokens
        assert 60 <= spent <= 320
        assert output.incomplete > 0
        assert set(output.dropped.filter(pl.col("status") == "failed")["reason"]) == {"over_budget"}
        del more["budget"]
        whole = run_construct(construct(server.url, LOOK, **more), problem_table(PROBLEMS), tmp_path)
        assert sum(server.log.answered.values()) == 10
    assert whole.incomplete == 0


def test_costs_of_the_traces_add_up_to_the_bill(tmp_path: Path) -> None:
    price = {"teacher": {"price": {"input": 1, "output": 2}}}
    with ScriptedTeacher(speak=two_turns) as server:
        output = run_construct(construct(server.url, LOOK, **price), problem_table(PROBLEMS), tmp_path)
        bill = (server.log.prompt_tokens + 2 * server.log.completion_tokens) / 1e6
    costs = [*output.kept["cost_usd"], *output.dropped["cost_usd"]]
    assert sum(costs) == pytest.approx(bill) == pytest.approx(output.counters["usd"])


@pytest.mark.parametrize("uses_reference", [False, True])
def test_only_strategies_that_say_so_see_the_reference(uses_reference: bool) -> None:
    seen: list[Problem] = []

    class Watching(Strategy):
        by: str = "watching"

        def play(self, case: Case) -> Play:
            seen.append(case.problem)
            yield [Call(case.messages())]
            return Played([])

    Watching.uses_reference = uses_reference
    step = construct("http://127.0.0.1:9/v1", LOOK).model_copy(update={"strategy": Watching()})
    for _, one in step.plays(play(PROBLEMS[:1]), 0):
        next(one)
    known = ("4", "why", '{"a": 1}') if uses_reference else (None, None, "{}")
    assert (seen[0].problem, seen[0].answer, seen[0].solution, seen[0].metadata) == ("2+2", *known)


def test_plays_of_different_length_share_waves() -> None:
    waves: list[list[str]] = []

    def ask(wave: Sequence[tuple[str, Call]]) -> list[tuple[Heard, None]]:
        waves.append([f"{name}:{call.purpose}" for name, call in wave])
        return [(Heard(f"{name}{call.purpose}", "done", None, call.purpose), None) for name, call in wave]

    def talk(name: str, sizes: Sequence[int]) -> Any:
        heard: list[str] = []
        for turn, size in enumerate(sizes):
            replies = yield [Call([], purpose=f"{turn}.{k}") for k in range(size)]
            heard += [r.text for r in replies]
        return Played([Attempt(None, " ".join(heard))])

    ended: list[Ended] = []
    converse([("a", talk("a", [1, 2])), ("b", talk("b", [])), ("c", talk("c", [2, 1, 1]))], ask, ended.append)
    assert waves == [["a:0.0", "c:0.0", "c:0.1"], ["a:1.0", "a:1.1", "c:1.0"], ["c:2.0"]]
    assert {e.problem_id: e.played.attempts[0].response for e in ended if e.played} == {
        "b": "",
        "a": "0.0 1.0 1.1",
        "c": "0.0 0.1 1.0 2.0",
    }


def test_a_teacher_without_a_needed_capability_is_refused_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = construct("http://127.0.0.1:9/v1", LOOK, teacher={"preset": "groq"})
    monkeypatch.setattr(type(step.strategy), "needs", ("prefix",))
    assert any("cannot continue a begun answer" in sentence for sentence in step.check())


class Going(Strategy):
    """Continues a begun answer."""

    by: str = "going"
    begun: str

    def play(self, case: Case) -> Play:
        (new,) = yield [Call(case.messages(), begun=self.begun)]
        return Played([Attempt(new.reasoning, new.response, [new])])


@pytest.mark.parametrize(
    ("shape", "begun", "said", "new"),
    [
        ("vllm", "Let me", Reply(match="", content=" see."), (None, " see.")),
        ("vllm", "Let me", Reply(match="", content="Let me see."), (None, " see.")),
        ("vllm", "<think>\nLet", Reply(match="", content="ter\n</think>\n\nA."), ("ter\n", "\n\nA.")),
        ("deepseek", "<think>\nLet", Reply(match="", reasoning=" me.", content="A."), (" me.", "A.")),
    ],
)
def test_a_continued_answer_keeps_the_space_it_begins_with(
    tmp_path: Path, shape: str, begun: str, said: Reply, new: tuple[str | None, str]
) -> None:
    preset = {"preset": shape, "price": {"input": 1, "output": 1}}
    scenario = Scenario.model_validate({"shape": shape, "thinks": said.reasoning is not None})
    with ScriptedTeacher(scenario, speak=lambda _: said) as server:
        step = construct(server.url, LOOK, teacher=preset).model_copy(update={"strategy": Going(begun=begun)})
        step = step.model_copy(update={"teacher": step.teacher.model_copy(update={"api_key_env": None})})
        # Five problems: a teacher that should think is stopped after four fresh answers without reasoning.
        output = run_construct(step, problem_table(PROBLEMS), tmp_path)
        turns = [entry["body"]["messages"][-1] for entry in server.log.requests]
    assert set(zip(output.kept["reasoning"], output.kept["response"], strict=True)) == {new}
    begun_there = {"content": begun} if shape == "vllm" else {"content": "", "reasoning_content": "Let"}
    assert turns[0].items() >= begun_there.items()
