"""Rounds: who comes later is asked only about what is left, and nothing of the pool is lost or doubled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from construct_parts import construct, problem_table, run_construct

from cotkit.distill.construct import Construct
from cotkit.distill.rounds import Pool
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.recipe.load import load
from cotkit.records import Problem, Trace, Verdict, frame
from cotkit.run.directory import RunDirectory
from cotkit.run.runner import Options, RunResult, run_recipe
from cotkit.steps import StepContext
from cotkit.table import held

RECIPE = """\
name: two-rounds
vars: {a: null, b: null}
steps:
  - step: pull
    sources: [{kind: file, name: sums, path: problems.jsonl}]
  - step: distill
    teacher: {base_url: "${vars.a}", model: first}
    samples: 2
  - step: verify
  - step: distill
    name: round2
    only: unsolved
    teacher: {base_url: "${vars.b}", model: second}
    samples: 4
  - step: verify
    name: verify2
  - step: select
    choose: {by: shortest}
  - step: publish
"""
# The first solves the first four of ten; the second three more, at its third sample.
FIRST, SECOND = range(4), range(4, 7)


def teacher(solves: range, at: int) -> Callable[[Mapping[str, Any]], Reply]:
    counts: dict[int, int] = {}

    def speak(body: Mapping[str, Any]) -> Reply:
        number = int(body["messages"][-1]["content"].split("Number ")[1].split()[0])
        counts[number] = counts.get(number, 0) + 1
        right = number in solves and counts[number] >= at
        value = number if right else 900 + counts[number]
        thought = f"{body['model']} thinks of {number}, time {counts[number]}"
        return Reply(match="", reasoning=thought, content=f"\\boxed{{{value}}}")

    return speak


def run(tmp_path: Path, a: ScriptedTeacher, b: ScriptedTeacher, start: str | None = None) -> RunResult:
    recipe = load(str(tmp_path / "r.yaml"), [f"vars.a={a.url}", f"vars.b={b.url}"]).recipe
    return run_recipe(recipe, tmp_path / "run", Options(start=start))


@pytest.fixture
def recipe(tmp_path: Path, jsonl: Any) -> Path:
    jsonl("problems.jsonl", [{"problem": f"Number {n} is what?", "answer": str(n)} for n in range(10)])
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


def test_the_second_teacher_hears_only_what_is_unsolved(recipe: Path) -> None:
    with (
        ScriptedTeacher(speak=teacher(FIRST, 1)) as a,
        ScriptedTeacher(Scenario(accuracy=1), speak=teacher(SECOND, 3)) as b,
    ):
        result = run(recipe, a, b)
        assert (len(a.log.requests), len(b.log.requests)) == (20, 24)
        heard = {entry["body"]["messages"][-1]["content"] for entry in b.log.requests}
        assert not any(f"Number {n} " in text for text in heard for n in FIRST)
        directory = RunDirectory(recipe / "run")
        pool = directory.kept("round2")
        # Once more, and then by force: nothing is asked, nothing changes.
        assert run(recipe, a, b).ran == []
        assert run(recipe, a, b, start="round2").ran[0] == "round2"
        assert directory.kept("round2").equals(pool)
        assert (len(a.log.requests), len(b.log.requests)) == (20, 24)
    assert pool.height == 20 + 24
    assert pool.select("problem_id", "sample").is_unique().all()
    rounds = pl.Series([json.loads(text)["round"] for text in pool["provenance"]])
    assert (rounds.to_list().count(1), rounds.to_list().count(2)) == (20, 24)
    assert set(pool.filter(rounds == 2)["teacher"]) == {"second"}
    assert set(pool.filter(rounds == 2)["sample"]) == {2, 3, 4, 5}
    by_step = {entry["step"]: entry for entry in result.funnel}
    counters = by_step["round2"]["counters"]
    assert (counters["round"], counters["asked"], counters["added"]) == (2, 6, 24)
    assert by_step["publish"]["kept"] == 7


def tables(step: Construct, table: pl.DataFrame, tmp_path: Path) -> dict[type, pl.DataFrame]:
    """The tables of a first round in which nothing is solved."""
    first = run_construct(step, table, tmp_path)
    pool = pl.concat([first.kept, first.dropped.drop("reason", "evidence")]).sort("problem_id", "sample")
    verdicts = [Verdict(n, s, "incorrect", None, None, "exact", "") for n, s in pool["problem_id", "sample"].rows()]
    return {Problem: table, Trace: pool, Verdict: frame(Verdict, verdicts)}


def test_running_a_round_twice_adds_nothing(tmp_path: Path) -> None:
    """The same step over its own result: every attempt is in the pool already."""
    problems = problem_table([(f"Number {n} is what?", "1") for n in range(3)])
    with ScriptedTeacher(speak=teacher(range(0), 1)) as server:
        plain = {"by": "star", "attempts": 2, "hinted": 0}
        before = tables(construct(server.url, plain), problems, tmp_path)
        later = construct(server.url, {"by": "star", "attempts": 3, "hinted": 0}, only="unsolved")
        context = StepContext(seed=0, work=tmp_path, run=tmp_path)
        once = later.run(before, context)
        sent = len(server.log.requests)
        # A third attempt each; the two of the first round are not asked again.
        assert sent == 3 * 3
        whole = pl.concat([once.kept, once.dropped.drop("reason", "evidence")])
        open_ = [Verdict(n, s, "undecided", None, None, "none", "") for n, s in whole["problem_id", "sample"].rows()]
        twice = later.run({**before, Trace: whole, Verdict: frame(Verdict, open_)}, context)
        assert len(server.log.requests) == sent
    assert twice.kept.equals(whole)
    assert set(twice.dropped["reason"]) == {"unsolved"}


def test_an_attempt_that_is_there_already_is_a_duplicate(tmp_path: Path) -> None:
    problems = problem_table([("Number 1 is what?", "1")])
    said = Reply(match="", reasoning="same", content="\\boxed{1}")
    with ScriptedTeacher(speak=lambda _: said) as server:
        star = construct(server.url, {"by": "star"}, only="unsolved")
        before = tables(star.model_copy(update={"only": None}), problems, tmp_path)
        output = star.run(before, StepContext(seed=0, work=tmp_path, run=tmp_path))
    assert output.kept.height == 1
    assert output.dropped["reason"].to_list() == ["duplicate"]
    assert (output.rows_in, output.counters["added"]) == (2, 0)


def test_only_a_correct_verdict_solves_a_problem() -> None:
    problems = problem_table([("a", "1"), ("b", "2"), ("c", "3")])
    ids = problems["problem_id"].to_list()
    traces = [Trace(name, 0, "t", f"h{name}", "done") for name in ids]
    told = zip(ids, ("correct", "incorrect", "undecided"), strict=True)
    verdicts = [Verdict(name, 0, verdict, None, None, "exact", "") for name, verdict in told]
    pool = Pool.of(held({Problem: problems, Trace: frame(Trace, traces), Verdict: frame(Verdict, verdicts)}))
    assert pool.problems.columns(["problem"])["problem"].to_list() == ["b", "c"]
    assert pool.round == 2


def test_an_estimate_counts_a_later_round_as_possible(recipe: Path, cli: Any) -> None:
    address = "http://127.0.0.1:9/v1"
    done = cli("estimate", "r.yaml", "--set", f"vars.a={address}", "--set", f"vars.b={address}", "--json")
    assert done.returncode == 0, done.stderr
    steps = {step["step"]: step for step in json.loads(done.stdout)["steps"]}
    assert (steps["distill"]["requests"], steps["round2"]["requests"]) == (20, 40)
    assert steps["round2"]["least_requests"] == 0


def test_a_round_needs_one_before_it(recipe: Path, cli: Any) -> None:
    text = RECIPE.replace("    samples: 2\n", "    samples: 2\n    only: unsolved\n", 1)
    (recipe / "r.yaml").write_text(text)
    done = cli("validate", "r.yaml", "--set", "vars.a=http://127.0.0.1:9/v1", "--set", "vars.b=http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert "needs traces" in done.stderr


def test_where_all_is_solved_nobody_is_asked(tmp_path: Path) -> None:
    problems = problem_table([("Number 1 is what?", "1")])
    name = problems["problem_id"][0]
    traces = frame(Trace, [Trace(name, 0, "t", "h", "done", response="1")])
    verdicts = frame(Verdict, [Verdict(name, 0, "correct", "1", "1", "exact", "")])
    later = construct("http://127.0.0.1:9/v1", {"by": "star"}, only="unsolved")
    output = later.run(
        {Problem: problems, Trace: traces, Verdict: verdicts}, StepContext(seed=0, work=tmp_path, run=tmp_path)
    )
    assert output.kept.drop("provenance").equals(traces.drop("provenance"))
    assert (output.dropped.height, output.rows_in) == (0, 1)
