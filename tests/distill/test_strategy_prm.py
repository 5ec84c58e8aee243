"""A process reward model inside best_of_n, beam and dvts: calls counted, picks exact, replies kept over a kill."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from construct_parts import construct, play, problem_table, run_construct
from prm import FakePrm
from pydantic import ValidationError

from cotkit.distill.construct import Construct
from cotkit.distill.estimate import Posted, estimate
from cotkit.distill.rater import beside
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.distill.strategies.shared.voting import Vote, pick
from cotkit.errors import TeacherError
from cotkit.run.key import components
from cotkit.steps import StepOutput

URL = "http://127.0.0.1:9/v1"
# FakePrm gives a step with "wrong" 0.1, with "doubt" 0.4, and every other one 0.9.
WORDS = {(): ("Go on", "a doubt"), ("Go on",): ("wrong way", "So it is \\boxed{7}"), ("a doubt",): ("x", "y")}
SEARCH = f"""
import sys, pathlib
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1] / "servers")!r}]
from construct_parts import problem_table, run_construct
from test_strategy_prm import MANY, long_search
run_construct(long_search(sys.argv[1], sys.argv[2]), problem_table(MANY), pathlib.Path(sys.argv[3]))
"""
MANY = [(f"Find x{number}.", None) for number in range(4)]


def prm(url: str = URL, adapter: str = "qwen", **more: Any) -> dict[str, Any]:
    return {"adapter": adapter, "url": url, "model": "prm-1", "at_once": 2, **more}


def walk(body: Mapping[str, Any]) -> Reply:
    """Two ways on at each place, by the seed."""
    last = body["messages"][-1]
    begun = tuple(last["content"].strip().split("\n\n")) if last["role"] == "assistant" else ()
    words = WORDS.get(begun, ("So it is \\boxed{8}", "wrong, it is \\boxed{9}"))
    return Reply(match="", content=words[body["seed"] % 2])


def search(url: str, scorer: Mapping[str, Any], **keys: Any) -> Construct:
    strategy = {"by": "beam", "n": 2, "width": 2, "depth": 4, **keys, "prm": dict(scorer)}
    return construct(url, strategy, sampling={"seed": 0}, limits={"timeout_s": 60, "retries": 0})


@pytest.mark.parametrize(("by", "adapter"), [("beam", "qwen"), ("dvts", "shepherd"), ("beam", "rlhflow")])
def test_a_search_follows_the_scores_of_each_step(tmp_path: Path, by: str, adapter: str) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=walk) as server, FakePrm() as scorer:
        step = search(server.url, prm(f"{scorer.url}/v1", adapter), by=by)
        output = run_construct(step, problem_table([("Find x.", "7")]), tmp_path)
        sent = len(scorer.calls)
        # Two steps on each of three levels (a third for what follows the wrong way), each asked once, and the trial.
        trial = step.strategy.scorers()["prm"].requests(2)
        (row,) = output.kept.to_dicts()
        assert row["reasoning"] == "Go on\n\nSo it is \\boxed{7}"
        assert json.loads(row["provenance"])["step_scores"] == pytest.approx([0.9, 0.9])
        assert {s["name"]: s["value"] for s in row["scores"]} == pytest.approx(
            {"step_last": 0.9, "step_min": 0.9, "step_mean": 0.9, "step_prod": 0.81}
        )
        roles = Counter(call["role"] for call in output.secondary["calls"].to_dicts())
        assert sent == trial + roles["prm"]
        (count,) = [one for one in step.strategy.counts() if one.role == "prm"]
        assert count.least <= roles["prm"] <= count.most == 8
        told = next(one for one in step.asking(play([("Find x.", "7")])) if isinstance(one, Posted))
        reckoned = estimate(told, tmp_path / "none.sqlite")
        assert (reckoned.least, reckoned.requests, reckoned.usd) == (1, 9, None)
        again = run_construct(step, problem_table([("Find x.", "7")]), tmp_path)
        assert len(scorer.calls) == sent
        assert again.kept.equals(output.kept)
        assert again.counters["requests"] == 0


SAID = {0: "All is well.\n\nSo \\boxed{1}.", 1: "In doubt.\n\nIn doubt.\n\nSo \\boxed{2}.", 2: "Then \\boxed{1}."}
SCORES = [[0.9, 0.9], [0.4, 0.4, 0.9], [0.9]]


@pytest.mark.parametrize(
    ("vote", "adapter"),
    [("last_max", "rlhflow"), *((vote, "shepherd") for vote in ("min_max", "mean_max", "prod_max", "prod_vote"))],
)
def test_candidates_are_picked_by_the_scores_of_their_steps(tmp_path: Path, adapter: str, vote: Vote) -> None:
    def speak(body: Mapping[str, Any]) -> Reply:
        return Reply(match="", content=SAID[body["seed"]])

    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server, FakePrm() as scorer:
        strategy = {"by": "best_of_n", "n": 3, "vote": vote, "prm": prm(scorer.url, adapter), "keep_pruned": True}
        step = construct(server.url, strategy, sampling={"seed": 0})
        output = run_construct(step, problem_table([("Find x.", "1")]), tmp_path)
        model = step.strategy.scorers()["prm"]
        assert len(scorer.calls) == model.requests(2) + sum(model.requests(len(steps)) for steps in SCORES)
    facts = [json.loads(text) for text in output.kept["provenance"]]
    assert [[round(score, 6) for score in f["step_scores"]] for f in facts] == SCORES
    assert [f["picked"] for f in facts].index(True) == pick([0, 1, 0], SCORES, vote)
    most = next(count.most for count in step.strategy.counts() if count.role == "prm")
    assert most == (3 if adapter == "shepherd" else 3 * 64)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"by": "beam", "prm": prm(), "judge": {"teacher": {"base_url": URL, "model": "j"}}},
            "either a judge or a prm",
        ),
        ({"by": "best_of_n", "prm": prm()}, "majority asks no prm"),
        ({"by": "best_of_n", "vote": "last_max"}, "name a judge or a prm"),
        ({"by": "beam", "prm": prm(adapter="llm_judge")}, "adapter"),
        ({"by": "beam", "prm": prm(adapter="skywork")}, "needs 'tokenizer'"),
        ({"by": "beam", "prm": prm(bad=0.2)}, "bad"),
    ],
)
def test_scorers_that_cannot_be_are_refused(keys: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        construct(URL, keys)


def test_a_scorer_that_does_not_answer_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    table = problem_table([("Find x.", "7")])
    with ScriptedTeacher(Scenario(thinks=False), speak=walk) as server:
        with FakePrm(change=lambda scores: scores[:-1]) as scorer:
            with pytest.raises(TeacherError, match="gives no scores"):
                run_construct(search(server.url, prm(scorer.url)), table, tmp_path / "a")
            # A server that was set right is asked again.
            scorer.change = lambda scores: scores
            assert run_construct(search(server.url, prm(scorer.url)), table, tmp_path / "a").kept.height == 1
            paid = len(server.log.requests)
            scorer.fail = [404]
            with pytest.raises(TeacherError, match="answers 404"):
                run_construct(search(server.url, prm(scorer.url)), table, tmp_path / "b")
        with pytest.raises(TeacherError, match="gives no scores"):
            run_construct(search(server.url, prm("http://127.0.0.1:9", tries=1)), table, tmp_path / "c")
        assert len(server.log.requests) == paid


def test_a_key_is_asked_for_before_anything_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(TeacherError, match="NO_SUCH_KEY"):
        search(URL, prm(api_key_env="NO_SUCH_KEY")).ready()


def test_a_key_that_a_server_echoes_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "prm-secret-0123456789"
    monkeypatch.setenv("PRM_KEY", key)

    def answer(path: str, body: Any) -> Any:
        pairs = [[0.1, 0.9]] * body["messages"][-1]["content"].count("<extra_0>")
        return {"data": [{"data": pairs}], "echo": key}

    with ScriptedTeacher(Scenario(thinks=False), speak=walk) as server, FakePrm(answer=answer) as scorer:
        step = search(server.url, prm(scorer.url, api_key_env="PRM_KEY"))
        assert run_construct(step, problem_table([("Find x.", "7")]), tmp_path).rows_in > 0
        assert scorer.calls[0][2] == f"Bearer {key}"
    assert not any(key.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_nobody_is_asked_about_no_problem(tmp_path: Path) -> None:
    with FakePrm() as scorer:
        output = run_construct(search(URL, prm(scorer.url)), problem_table([]), tmp_path)
        assert (output.rows_in, scorer.calls) == (0, [])


def test_a_busy_scorer_leaves_the_problem_for_the_next_run(tmp_path: Path) -> None:
    table = problem_table([("Find x.", "7")])
    with ScriptedTeacher(Scenario(thinks=False), speak=walk) as server, FakePrm() as scorer:
        step = search(server.url, prm(scorer.url, tries=1))
        scorer.fail = [200, 503, 503]
        first = run_construct(step, table, tmp_path)
        assert (first.incomplete, first.dropped["reason"].to_list()) == (1, ["scorer_failed"])
        paid = len(server.log.requests)
        second = run_construct(step, table, tmp_path)
        assert (second.incomplete, second.kept.height) == (0, 1)
        assert len({json.dumps(entry["body"]) for entry in server.log.requests}) == len(server.log.requests) > paid


def test_steps_without_scores_are_followed_last(tmp_path: Path) -> None:
    """A reply of another length is no score: the step stays, and loses to every scored one."""

    def answer(path: str, body: Any) -> Any:
        steps = body["messages"][-1]["content"].split("<extra_0>")[:-1]
        pairs = [[0.8, 0.2] for _ in steps]
        return {"data": [{"data": pairs[1:] if "Go on" in steps[0] else pairs}]}

    with ScriptedTeacher(Scenario(thinks=False), speak=walk) as server, FakePrm(answer=answer) as scorer:
        output = run_construct(
            search(server.url, prm(scorer.url), depth=2), problem_table([("Find x.", "7")]), tmp_path
        )
    tree = json.loads(output.secondary["trees"]["tree"][0])["nodes"]
    scores = {node["text"]: node.get("score") for node in tree[1:]}
    assert scores["Go on"] is None
    assert scores["a doubt"] == pytest.approx(0.2)
    assert next(node for node in tree if node["text"] == "Go on")["pruned"]


def test_who_pays_and_how_fast_is_no_part_of_the_cache_key() -> None:
    def key(**more: Any) -> Any:
        return components(search(URL, prm(**more)).model_copy(update={"name": "c"}), 0, {}, {})

    assert key() == key(timeout_s=3, tries=9, at_once=5, api_key_env="K")
    assert key() != key(model="other")
    assert key() != key(adapter="shepherd")


def tree_of_many(body: Mapping[str, Any]) -> Reply:
    last = body["messages"][-1]
    depth = last["content"].count("\n\n") if last["role"] == "assistant" else 0
    box = " \\boxed{1}" if depth > 3 else ""
    return Reply(match="", content=f"step {depth} way {body['seed']}{' doubt' * (body['seed'] % 2)}{box}")


def long_search(url: str, scorer: str) -> Construct:
    return search(url, prm(scorer), by="dvts", n=4, depth=6)


def finish(server: ScriptedTeacher, scorer: FakePrm, run: Path) -> StepOutput:
    return run_construct(long_search(server.url, scorer.url), problem_table(MANY), run)


def test_a_killed_search_asks_no_score_again(tmp_path: Path) -> None:
    with ScriptedTeacher(Scenario(thinks=False), speak=tree_of_many) as server, FakePrm() as scorer:
        arguments = [server.url, scorer.url, str(tmp_path / "killed")]
        process = subprocess.Popen([sys.executable, "-c", SEARCH, *arguments], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while len(scorer.calls) < 20:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.kill()
        process.communicate(timeout=30)
        time.sleep(0.1)
        assert beside(tmp_path / "killed" / "journal.sqlite").is_file()
        resumed = finish(server, scorer, tmp_path / "killed")
        bodies = Counter(json.dumps(body, sort_keys=True) for _, body, _ in scorer.calls)
        # Only the two that were on their way may have been lost.
        assert sum(bodies.values()) - len(bodies) <= 2
        whole = finish(server, scorer, tmp_path / "whole")
    assert whole.kept.equals(resumed.kept)
    assert whole.dropped.equals(resumed.dropped)
    assert whole.kept.height == 4
