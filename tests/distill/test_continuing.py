"""Budget forcing and the reflection phrase: what exactly is sent to be continued, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, problem_table, run_construct
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies.reflect import PHRASE
from cotkit.distill.strategies.shared.thinking import Thought

ONE = [("6 times 7", "42")]


def begun(body: Mapping[str, Any]) -> str | None:
    last = body["messages"][-1]
    return last["content"] if last["role"] == "assistant" else None


class Told:
    """A teacher that says these things one after another, and remembers what it was to continue, and its limits."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.begun: list[str | None] = []
        self.limits: list[int | None] = []

    def __call__(self, body: Mapping[str, Any]) -> Reply:
        self.begun.append(begun(body))
        self.limits.append(body.get("max_tokens"))
        return self.replies[len(self.begun) - 1]


def said(reasoning: str | None, content: str) -> Reply:
    return Reply(match="", reasoning=reasoning, content=content)


def force(tmp_path: Path, told: Told, problems: Sequence[tuple[str, str | None]] = ONE, **more: Any) -> Any:
    thinks = told.replies[0].reasoning is not None
    with ScriptedTeacher(Scenario(thinks=thinks), speak=told) as server:
        step = construct(server.url, {"by": "budget_force", **more})
        output = run_construct(step, problem_table(problems), tmp_path)
        (count,) = step.strategy.counts()
        assert count.least <= len(server.log.requests) == len(told.begun) <= count.most
    return output


def facts(output: Any, row: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.kept["provenance"][row])
    return found


@pytest.mark.parametrize("keep_word", [True, False])
def test_an_ended_thought_is_made_to_go_on(tmp_path: Path, keep_word: bool) -> None:
    told = Told(
        said("It is 41.", "\\boxed{41}"),
        said(", let me check.\n\nNo, 42.", "\\boxed{42}"),
        said(" once more: 42.", "So \\boxed{42}."),
    )
    output = force(tmp_path, told, waits=2, keep_word=keep_word, max_tokens=1000)
    assert told.begun == [
        None,
        "<think>\nIt is 41.\n\nWait",
        "<think>\nIt is 41.\n\nWait, let me check.\n\nNo, 42.\n\nWait",
    ]
    # Three words and one, then six and one: what is left of 1,000.
    assert told.limits == [1000, 996, 989]
    row = output.kept.row(0, named=True)
    kept = {
        True: "It is 41.\n\nWait, let me check.\n\nNo, 42.\n\nWait once more: 42.",
        False: "It is 41.\n\nlet me check.\n\nNo, 42.\n\nonce more: 42.",
    }
    assert (row["reasoning"], row["response"]) == (kept[keep_word], "So \\boxed{42}.")
    assert (row["reasoning_kind"], row["status"], row["strategy"]) == ("synthetic", "done", "budget_force")
    found = facts(output)
    assert (found["forced_waits"], found["forced_end"]) == (2, False)
    words = [row["reasoning"][start:end] for start, end in found["inserted"]]
    assert words == (["Wait", "Wait"] if keep_word else ["", ""])


def test_thinking_in_tags_goes_on_as_well(tmp_path: Path) -> None:
    told = Told(said("It is 41.", "\\boxed{41}"), said("; no, 42.", "\\boxed{42}"))
    with ScriptedTeacher(Scenario(shape="ktransformers"), speak=told) as server:
        output = run_construct(construct(server.url, {"by": "budget_force"}), problem_table(ONE), tmp_path)
    assert output.kept["reasoning"][0] == "It is 41.\n\nWait; no, 42."
    assert output.kept["response"][0] == "\\boxed{42}"


def test_only_short_thoughts_go_on(tmp_path: Path) -> None:
    told = Told(said("one two three four", "\\boxed{42}"))
    output = force(tmp_path, told, waits=3, min_tokens=5)
    assert (output.kept["reasoning"][0], output.kept["reasoning_kind"][0]) == ("one two three four", "raw")
    assert facts(output)["inserted"] == []


def test_a_thought_without_end_is_ended_in_one_more_call(tmp_path: Path) -> None:
    told = Told(said("so " * 40, "never said"), said("", " \\boxed{42}"))
    output = force(tmp_path, told, max_tokens=20, answer_tokens=30, waits=2)
    thought = " ".join(["so"] * 20)
    assert told.begun == [None, f"<think>\n{thought}\n</think>\n\nFinal answer:"]
    assert told.limits == [20, 30]
    row = output.kept.row(0, named=True)
    assert (row["reasoning"], row["response"], row["status"]) == (thought, "Final answer: \\boxed{42}", "done")
    assert (facts(output)["forced_end"], facts(output)["forced_waits"]) == (True, 0)


def test_a_model_that_does_not_think_apart_goes_on_in_its_answer(tmp_path: Path) -> None:
    told = Told(
        Reply(match="", content="6 times 7 is 41."), Reply(match="", content=", 42."), Reply(match="", content=" 42")
    )
    output = force(tmp_path, told)
    assert told.begun == [None, "6 times 7 is 41.\n\nWait", "6 times 7 is 41.\n\nWait, 42.\n\nFinal answer:"]
    assert output.kept["reasoning"][0] == "6 times 7 is 41.\n\nWait, 42."
    assert output.kept["response"][0] == "Final answer: 42"
    # It came to its end by itself; only the answer was asked for.
    assert (facts(output)["forced_end"], facts(output)["forced_waits"]) == (False, 1)


def test_what_goes_on_in_its_answer_and_is_cut_there_was_made_to_end(tmp_path: Path) -> None:
    cut = Reply(match="", content="so " * 40)
    told = Told(Reply(match="", content="6 times 7 is 41."), cut, Reply(match="", content=" 42"))
    output = force(tmp_path, told, max_tokens=20)
    assert output.kept["response"][0] == "Final answer: 42"
    assert (facts(output)["forced_end"], facts(output)["forced_waits"]) == (True, 1)


def test_nothing_more_to_say_is_no_wait(tmp_path: Path) -> None:
    told = Told(said("It is 42.", "\\boxed{42}"), said("", ""))
    output = force(tmp_path, told, waits=4)
    assert (output.kept["reasoning"][0], output.kept["response"][0]) == ("It is 42.", "\\boxed{42}")
    assert facts(output)["forced_waits"] == 0


@pytest.mark.parametrize(
    ("fault", "after", "reason"),
    [("400_context", 0, "first_unfinished"), ("400_context", 1, "wait_failed"), ("filter", 1, "wait_failed")],
)
def test_a_lost_call_drops_the_attempt_with_its_reason(tmp_path: Path, fault: str, after: int, reason: str) -> None:
    with ScriptedTeacher(speak=lambda _: said("It is 42.", "\\boxed{42}")) as server:
        server.fault(fault, after=after)
        output = run_construct(construct(server.url, {"by": "budget_force"}), problem_table(ONE), tmp_path)
    assert output.dropped["reason"].to_list() == [reason]
    assert output.rows_in == 1


@pytest.mark.parametrize("by", ["budget_force", "reflect"])
def test_a_teacher_that_cannot_go_on_is_refused_before_it_is_asked(by: str) -> None:
    step = construct("http://127.0.0.1:9/v1", {"by": by}, teacher={"preset": "groq"})
    assert any("cannot continue a begun answer" in sentence for sentence in step.check())


PIECE = st.text("ab ,.\n，", max_size=12)


@settings(max_examples=100, deadline=None)
@given(PIECE, st.lists(st.tuples(st.sampled_from(["Wait", "等等", "Hm."]), PIECE), max_size=4))
def test_spans_hold_the_words_and_nothing_else_is_lost(first: str, more: list[tuple[str, str]]) -> None:
    thought = Thought([first], [], True)
    for word, piece in more:
        thought = thought.on(word, piece)
    whole, spans = thought.stored(keep_words=True)
    assert whole == thought.text()
    assert [whole[start:end] for start, end in spans] == [word for word, _ in more]
    bare, empty = thought.stored(keep_words=False)
    assert all(start == end for start, end in empty)
    letters = "".join(c for piece in (first, *(p for _, p in more)) for c in piece if c in "ab")
    assert "".join(c for c in bare if c in "ab") == letters


FIRST = {"2+2": "4", "3+3": "5", "5+5": "9", "4+4": "8", "6+6": "the sum"}
AFTER = {"2+2": "4", "3+3": "6", "5+5": "11", "4+4": "7", "6+6": "12"}
PROBLEMS = [("2+2", "4"), ("3+3", "6"), ("4+4", "8"), ("5+5", "10"), ("6+6", "12")]


def doubts(body: Mapping[str, Any]) -> Reply:
    name = body["messages"][0]["content"]
    if begun(body) is None:
        return said(f"I think {FIRST[name]}.", f"\\boxed{{{FIRST[name]}}}")
    assert begun(body) == f"<think>\nI think {FIRST[name]}.\n\n{PHRASE['en']}"
    return said(f" Now {AFTER[name]}.", f"\\boxed{{{AFTER[name]}}}")


@pytest.mark.parametrize(
    ("when", "calls", "kept", "dropped"),
    [
        ("wrong", 7, ["right_at_once", "wrong_to_right", "right_at_once"], ["wrong_to_wrong", "first_undecided"]),
        (
            "always",
            10,
            ["right_to_right", "wrong_to_right"],
            ["right_to_wrong", "wrong_to_wrong", "undecided_to_right"],
        ),
    ],
)
def test_a_phrase_of_doubt_and_how_it_turned_out(
    tmp_path: Path, when: str, calls: int, kept: list[str], dropped: list[str]
) -> None:
    with ScriptedTeacher(speak=doubts) as server:
        step = construct(server.url, {"by": "reflect", "when": when})
        output = run_construct(step, problem_table(PROBLEMS), tmp_path)
        assert len(server.log.requests) == calls
    found = [json.loads(text) for text in output.kept["provenance"]]
    assert [f["transition"] for f in found] == kept
    assert output.dropped["reason"].to_list() == dropped
    row = output.kept.row(1, named=True)
    assert row["reasoning"] == f"I think 5.\n\n{PHRASE['en']} Now 6."
    assert (row["response"], row["reasoning_kind"]) == ("\\boxed{6}", "synthetic")
    spans = found[1]
    assert row["reasoning"][slice(*spans["first_span"])] == "I think 5."
    assert row["reasoning"][slice(*spans["phrase_span"])] == PHRASE["en"]
    assert sum(v for k, v in output.counters.items() if k.startswith(("right", "wrong", "first_", "undecided"))) == 5


def test_a_server_that_gives_the_begun_text_back_adds_nothing(tmp_path: Path) -> None:
    def echo(body: Mapping[str, Any]) -> Reply:
        return Reply(match="", content=begun(body) or "It is \\boxed{41}.")

    with ScriptedTeacher(Scenario(thinks=False), speak=echo) as server:
        output = run_construct(construct(server.url, {"by": "reflect"}), problem_table(ONE), tmp_path)
    assert output.dropped["reason"].to_list() == ["second_unfinished"]
    assert json.loads(output.dropped["evidence"][0])["status"] == "empty"
