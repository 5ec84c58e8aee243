"""Best of n, votes, beam and DVTS: picks against brute force, calls counted, numbers by difficulty."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from construct_parts import construct, perform, play, problem_table, run_construct, within
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies import Call
from cotkit.distill.strategies.beam import Beam
from cotkit.distill.strategies.best_of_n import BestOfN, difficulty
from cotkit.distill.strategies.shared.scoring import read_scores
from cotkit.distill.strategies.shared.voting import Vote, pick
from cotkit.records import WeakRate

URL = "http://127.0.0.1:9/v1"
PROBLEM = play([("Find x.", "7")])[0]


def judge(url: str = URL) -> dict[str, Any]:
    return {"teacher": {"base_url": url, "model": "judge"}}


@pytest.mark.parametrize(
    ("groups", "scores", "vote", "picked"),
    [
        ([0, 1, 1, 0, 1], [[]] * 5, "majority", 1),
        ([0, 1, 1, 0], [[]] * 4, "majority", 0),  # a tie: the answer that came first
        ([None, None], [[0.9], [1.0]], "majority", None),
        ([None, 1, 2], [[1.0], [0.2], [0.3]], "last_max", 2),  # no answer, so its score counts for nothing
        ([0, 1, 2], [[0.9, 0.1], [0.5, 0.5], [0.2, 0.6]], "min_max", 1),
        ([0, 1, 2], [[0.9, 0.1], [0.5, 0.5], [0.2, 0.6]], "last_max", 2),
        ([0, 1, 2], [[0.9, 0.1], [0.5, 0.5], [0.2, 0.6]], "mean_max", 0),  # 0.5 twice: the earlier
        ([0, 1, 1], [[0.9], [0.5], [0.6]], "last_vote", 2),  # 0.9 against 1.1; within the answer the better one
        ([0, 1, 1], [[0.9], [0.4], [0.5]], "last_vote", 0),  # 0.9 against 0.9: the earlier answer
        ([0, 1, 1], [[0.6], [0.5], []], "last_vote", 0),
        ([0, 1, 1], [[0.4], [0.5], []], "last_vote", 1),  # the one without scores takes nothing off its answer
        ([0, 1], [[], [0.0]], "last_max", 1),  # unscored loses to the worst score
        ([], [], "min_vote", None),
    ],
)
def test_votes_by_hand(
    groups: Sequence[int | None], scores: Sequence[Sequence[float]], vote: Vote, picked: int | None
) -> None:
    assert pick(groups, scores, vote) == picked


@pytest.mark.parametrize(
    ("text", "count", "scores"),
    [
        ("SCORES: 9, 7.5, 10", 3, [0.9, 0.75, 1.0]),
        ("SCORES: 1\nNo, scores：8；2", 2, [0.8, 0.2]),
        ("SCORES: 9, 7", 3, []),
        ("SCORES: 11", 1, []),
        ("nine", 1, []),
    ],
)
def test_scores_that_do_not_fit_the_steps_are_none(text: str, count: int, scores: list[float]) -> None:
    assert read_scores(text, count) == scores


def test_the_majority_is_picked_and_the_rest_is_dropped_with_its_votes(tmp_path: Path) -> None:
    boxes = ("1/2", "3", "0.5", "none")

    def speak(body: Mapping[str, Any]) -> Reply:
        box = boxes[body["seed"]]
        return Reply(
            match="", reasoning=f"I see {box}", content=f"\\boxed{{{box}}}" if box != "none" else "I do not know."
        )

    with ScriptedTeacher(speak=speak) as server:
        step = construct(server.url, {"by": "best_of_n", "n": 4}, sampling={"seed": 0})
        output = run_construct(step, problem_table([("Find x.", "7")]), tmp_path)
        within(step.strategy.counts(), server, {"teacher": "m"})
        kept = construct(server.url, {"by": "best_of_n", "n": 4, "keep_pruned": True}, sampling={"seed": 0})
        all_kept = run_construct(kept, problem_table([("Find x.", "7")]), tmp_path)
        assert len(server.log.requests) == 4
    (row,) = output.kept.to_dicts()
    assert (row["reasoning"], row["reasoning_kind"]) == ("I see 1/2", "raw")
    assert json.loads(row["provenance"])["votes"] == 2
    assert output.dropped["reason"].to_list() == ["not_picked", "not_picked", "no_answer"]
    assert all_kept.kept["sample"].to_list() == [0, 1, 2]
    assert all_kept.kept.height + all_kept.dropped.height == all_kept.rows_in == 4


def test_a_judge_scores_the_steps_of_each_candidate() -> None:
    said = {0: "Add.\n\nSo \\boxed{1}.", 1: "Take.\n\nAway.\n\nSo \\boxed{2}.", 2: "\\boxed{1}"}
    scored = {"Add.": "SCORES: 9, 3", "Take.": "SCORES: 8, 8, 8", "\\boxed{1}": "SCORES: 4"}

    def answer(call: Call) -> str:
        if call.role == "teacher":
            return said[call.sample]
        return next(
            scores for step, scores in scored.items() if f"STEP 1 TO SCORE\n| {step}" in call.messages[0]["content"]
        )

    def picked(vote: str) -> list[int]:
        strategy = BestOfN.model_validate({"by": "best_of_n", "n": 3, "vote": vote, "judge": judge()})
        played, calls = perform(strategy, PROBLEM, answer)
        assert len(calls) == 6
        return [k for k, one in enumerate(played.attempts) if one.reason is None]

    assert [picked(vote) for vote in ("last_max", "last_vote", "min_vote")] == [[1], [1], [1]]
    scored["Add."] = "SCORES: 9, 5"
    assert picked("last_vote") == [0]  # 0.5 + 0.4 against 0.8


def test_a_judges_thinking_is_not_waited_for(tmp_path: Path) -> None:
    problems = [(f"Find {n}.", "7") for n in range(6)]
    with (
        ScriptedTeacher(Scenario(shape="vllm")) as server,
        ScriptedTeacher(Scenario(thinks=False), speak=lambda _: Reply(match="", content="SCORES: 9")) as other,
    ):
        whom = {"teacher": {"base_url": other.url, "model": "judge", "preset": "vllm"}}
        strategy = {"by": "best_of_n", "n": 2, "vote": "last_max", "judge": whom}
        step = construct(server.url, strategy, teacher={"preset": "vllm"})
        assert run_construct(step, problem_table(problems), tmp_path).kept.height == 6


@pytest.mark.parametrize(
    ("rates", "level", "asked"),
    [([], None, 4), ([0.5, 0.5], "easy", 1), ([0.49], "medium", 2), ([0.1], "medium", 2), ([0.0, 0.19], "hard", 3)],
)
def test_hard_problems_get_more_answers(rates: list[float], level: str | None, asked: int) -> None:
    weak = [WeakRate(model=f"w{k}", rate=rate, attempts=8) for k, rate in enumerate(rates)]
    problem = replace(PROBLEM, weak_rates=weak)
    strategy = BestOfN.model_validate({"by": "best_of_n", "n": 4, "by_difficulty": {"easy": 1, "medium": 2, "hard": 3}})
    played, calls = perform(strategy, problem, lambda _: "\\boxed{7}")
    assert difficulty(problem) == level
    assert len(calls) == asked == played.attempts[0].facts["candidates"]
    assert (strategy.counts()[0].least, strategy.counts()[0].most) == (1, 4)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"by": "best_of_n", "vote": "last_max"}, "needs scores; name a judge or a prm, or take vote: majority"),
        ({"by": "best_of_n", "judge": judge()}, "majority asks no judge"),
        ({"by": "beam"}, "without a scorer only best_of_n with vote: majority works"),
        ({"by": "dvts", "judge": judge(), "vote": "majority"}, "without a scorer only best_of_n"),
        ({"by": "dvts", "judge": judge(), "n": 4, "width": 3}, "multiple of width"),
    ],
)
def test_what_cannot_be_picked_is_refused(keys: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        construct(URL, keys)


def test_a_search_needs_a_teacher_that_continues_answers() -> None:
    step = construct("", {"by": "beam", "judge": judge()}, teacher={"preset": "groq", "base_url": URL})
    assert any("cannot continue a begun answer" in sentence for sentence in step.check())


class World:
    """A policy with two ways on at each place and a judge with a fixed score for each; three steps to an answer."""

    def __init__(self, seed: int, answers: int) -> None:
        rng = Random(seed)
        paths = [path for length in (1, 2, 3) for path in product("ab", repeat=length)]
        self.scores = {path: rng.randrange(11) for path in paths}
        self.answers = {path: rng.randrange(answers) for path in paths if len(path) == 3}

    def text(self, path: tuple[str, ...]) -> str:
        return f"Go {path[-1]}." + (f" \\boxed{{{self.answers[path]}}}" if len(path) == 3 else "")

    def answer(self, call: Call) -> str:
        if call.role == "teacher":
            return self.text((*self.path(call.begun or ""), "ab"[call.sample % 2]))
        before, step = call.messages[0]["content"].split("BEGIN STEPS BEFORE")[1].split("END STEPS BEFORE")
        return f"SCORES: {self.scores[(*self.path(before), *self.path(step))]}"

    def path(self, text: str) -> tuple[str, ...]:
        return tuple(word[0] for word in text.split("Go ")[1:])

    def values(self, path: tuple[str, ...]) -> list[float]:
        return [self.scores[path[: k + 1]] / 10 for k in range(len(path))]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["last_max", "min_max", "mean_max", "last_vote", "mean_vote"]))
def test_a_search_with_room_for_all_picks_what_brute_force_picks(seed: int, vote: Vote) -> None:
    world = World(seed, answers=3)
    strategy = Beam.model_validate({"by": "beam", "n": 8, "width": 2, "depth": 3, "judge": judge(), "vote": vote})
    played, calls = perform(strategy, PROBLEM, world.answer)
    ways = [world.path(str(attempt.reasoning)) for attempt in played.attempts]
    groups = [next(k for k, w in enumerate(ways) if world.answers[w] == world.answers[way]) for way in ways]
    best = pick(groups, [world.values(way) for way in ways], vote)
    assert [k for k, attempt in enumerate(played.attempts) if attempt.reason is None] == [best]
    assert sorted(ways) == list(product("ab", repeat=3))
    count = {role: sum(call.role == role for call in calls) for role in ("teacher", "judge")}
    assert count == {"teacher": 8 + 4 + 8, "judge": 2 + 4 + 8}


def greedy(world: World, start: tuple[str, ...]) -> tuple[str, ...]:
    path = start
    while len(path) < 3:
        path = max(((*path, step) for step in "ab"), key=lambda p: (world.scores[p], p[-1] == "a"))
    return path


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.text(max_size=10))
def test_a_narrow_beam_is_greedy_and_the_gold_decides_nothing(seed: int, nonsense: str) -> None:
    world = World(seed, answers=2)
    keys = {"n": 2, "width": 2, "depth": 3, "judge": judge(), "keep_pruned": True}
    beam = Beam.model_validate({"by": "beam", **keys})
    played, calls = perform(beam, PROBLEM, world.answer)
    (picked,) = [a for a in played.attempts if a.facts["picked"]]
    way = world.path(str(picked.reasoning))
    assert way[:2] == greedy(world, ())[:2]
    assert world.scores[way] == max(world.scores[(*way[:2], last)] for last in "ab")
    pruned = [a for a in played.attempts if a.label == "pruned"]
    assert [(a.status, a.response) for a in pruned] == [("unclosed", None)] * 2
    other, same = perform(beam, replace(PROBLEM, answer=nonsense, solution=nonsense), world.answer)
    assert (played, calls) == (other, same)
    both = Beam.model_validate({"by": "dvts", **keys, "n": 4})
    found, calls = perform(both, PROBLEM, world.answer)
    assert len([c for c in calls if c.role == "teacher"]) == 4 * 3
    assert {world.path(str(a.reasoning))[:2] for a in found.attempts if a.status == "done"} == {way[:2]}


@pytest.mark.parametrize("by", ["beam", "dvts"])
def test_a_search_over_the_wire_sends_its_prefixes_and_stops(tmp_path: Path, by: str) -> None:
    world = World(3, answers=2)

    def speak(body: Mapping[str, Any]) -> Reply:
        messages, role = body["messages"], "judge" if body["model"] == "judge" else "teacher"
        begun = messages[-1]["content"] if messages[-1]["role"] == "assistant" else None
        sample = body.get("seed", 0)
        # White space at the ends of a continued step is no part of it.
        said = world.answer(Call(messages, role=role, sample=sample, begun=begun))
        return Reply(match="", content=f"\n{said} " if begun else said)

    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        keys = {"by": by, "n": 4, "width": 2, "depth": 3, "judge": judge(server.url)}
        step = construct(server.url, keys, sampling={"seed": 0})
        output = run_construct(step, problem_table([("Find x.", "7")]), tmp_path)
        within(step.strategy.counts(), server, {"teacher": "m", "judge": "judge"})
        bodies = [entry["body"] for entry in server.log.requests if entry["body"]["model"] == "m"]
    assert all(body["messages"][-1]["content"].endswith(".\n\n") for body in bodies if len(body["messages"]) > 1)
    assert [body.get("stop") for body in bodies] == [["\n\n"]] * 8 + [None] * 4
    assert output.kept["strategy"].to_list() == [by]
    assert output.kept["response"][0].startswith("The final answer is \\boxed{")
    assert set(output.dropped["reason"]) <= {"not_picked"}
