"""Weak models that a features step asks itself: attempts graded three-valued, paid once, and bands of their rates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cotkit.curate.features import Features
from cotkit.curate.filter import FilterStep
from cotkit.curate.filters.weak_rate import WeakRateBand
from cotkit.distill.scripted.scenario import Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.errors import TeacherError
from cotkit.records import Example, Problem, frame, problem_id, rows, schema
from cotkit.steps import StepContext, StepOutput

TESTS = json.dumps([{"input": "2", "output": "4"}, {"input": "5", "output": "25"}])
DOUBLE, SQUARE = (f"```python\nn = int(input())\nprint({said})\n```" for said in ("n + n", "n * n"))


def problem(text: str, answer: str | None = "4", **more: Any) -> Problem:
    return Problem(problem_id(text), text, answer, source="s", **more)


PROBLEMS = [
    problem("Easy: add 2 and 2.", source_row=0),
    problem("Hard: add 2 and 2.", source_row=1),
    problem("Vague: add 2 and 2.", source_row=2),
    problem("Code: print the square.", None, tests=TESTS, domain="code", source_row=3),
]
REPLIES = [
    {"match": "Easy", "answer": "4"},
    {"match": "Hard", "answer": "4", "attempt": 1},
    {"match": "Hard", "answer": "5"},
    {"match": "Vague", "content": "I like this problem.", "attempt": 0},
    {"match": "Vague", "content": "It is what you get when you pair two and two.", "attempt": 1},
    {"match": "Vague", "answer": "5"},
    {"match": "Code", "content": DOUBLE, "attempt": 0},
    {"match": "Code", "content": SQUARE},
]
JUDGED = [
    {"match": "like this", "content": "VERDICT: UNDECIDED"},
    {"match": "pair two", "content": "VERDICT: CORRECT"},
]


def step(url: str, **weak: Any) -> Features:
    keys = {"model": "small", "teacher": {"base_url": url, "model": "m"}, "samples": 4, **weak}
    limits = {"timeout_s": 60, "retries": 0, "concurrency": 1}
    return Features.model_validate({"step": "features", "weak": [keys], "limits": limits})


def run(tmp_path: Path, features: Features, problems: list[Problem] = PROBLEMS) -> StepOutput:
    table = frame(Problem, problems)
    return features.run({Problem: table}, StepContext(seed=1, work=tmp_path, run=tmp_path))


def scripted(replies: list[dict[str, Any]]) -> ScriptedTeacher:
    return ScriptedTeacher(Scenario.model_validate({"replies": replies, "thinks": False}))


def test_attempts_are_graded_three_valued_and_paid_once(tmp_path: Path) -> None:
    with scripted(REPLIES) as teacher:
        out = run(tmp_path, step(teacher.url))
        again = run(tmp_path, step(teacher.url))
        assert teacher.log.as_json()["asked"] == 16
    easy, hard, vague, code = rows(Problem, out.kept)
    assert easy.weak_rates == [{"model": "small", "rate": 1.0, "attempts": 4}]
    assert hard.weak_rates == [{"model": "small", "rate": 0.25, "attempts": 4}]
    assert vague.weak_rates == [{"model": "small", "rate": 0.0, "attempts": 2}]
    assert code.weak_rates == [{"model": "small", "rate": 0.75, "attempts": 4}]
    assert [p.solved_by for p in (easy, hard, vague, code)] == [["small"], ["small"], [], ["small"]]
    assert vague.unsolved_by == ["small"]
    assert (out.counters["tried by small"], out.counters["solved by small"]) == (4, 3)
    assert again.kept.equals(out.kept)
    assert again.counters["requests"] == 0
    told = out.secondary["features"]["attempts"].to_list()
    assert [t["verdict"] for t in told[2]] == ["undecided", "undecided", "incorrect", "incorrect"]
    assert "tests passed" in told[3][0]["reason"]
    assert all(t["request_hash"] for t in told[0])


def test_a_judge_decides_what_the_rules_leave_open(tmp_path: Path) -> None:
    with scripted(REPLIES) as teacher, scripted(JUDGED) as judge:
        out = run(tmp_path, step(teacher.url, judge={"base_url": judge.url, "model": "j"}))
        assert judge.log.as_json()["asked"] == 2
    vague = rows(Problem, out.kept)[2]
    # Correct by the judge, twice incorrect by the rules; what the judge cannot tell either does not count.
    assert vague.weak_rates == [{"model": "small", "rate": pytest.approx(1 / 3), "attempts": 3}]
    assert vague.solved_by == ["small"]
    assert out.counters["judged"] == 2
    assert [t["method"] for t in out.secondary["features"]["attempts"][2]][:2] == ["judge", "judge"]


def test_a_judge_of_all_overrules_the_rules(tmp_path: Path) -> None:
    strict = [{"match": "STUDENT'S ANSWER\n| 4\n", "content": "VERDICT: INCORRECT"}]
    with scripted(REPLIES) as teacher, scripted(strict) as judge:
        whom = {"base_url": judge.url, "model": "j"}
        out = run(tmp_path, step(teacher.url, judge=whom, judge_when="all"), PROBLEMS[:2])
    assert [p.unsolved_by for p in rows(Problem, out.kept)] == [["small"], ["small"]]


def test_an_answer_that_did_not_come_is_no_attempt_and_is_asked_again(tmp_path: Path) -> None:
    with scripted(REPLIES) as teacher:
        teacher.fault("503", match="Easy", times=4)
        out = run(tmp_path, step(teacher.url))
        assert out.incomplete == 4
        assert rows(Problem, out.kept)[0].weak_rates == []
        healed = run(tmp_path, step(teacher.url))
    assert healed.incomplete == 0
    assert rows(Problem, healed.kept)[0].solved_by == ["small"]


def test_a_cut_off_attempt_counts_as_not_solved(tmp_path: Path) -> None:
    with scripted(REPLIES) as teacher:
        teacher.fault("length", match="Easy", times=1)
        out = run(tmp_path, step(teacher.url))
    assert rows(Problem, out.kept)[0].weak_rates == [{"model": "small", "rate": 0.75, "attempts": 4}]


def test_two_rows_of_one_text_are_graded_by_their_own_references(tmp_path: Path) -> None:
    two = [problem("Easy: twice.", "4", source_row=0), problem("Easy: twice.", "5", source_row=1)]
    with scripted(REPLIES) as teacher:
        out = run(tmp_path, step(teacher.url, samples=1), two)
        assert teacher.log.as_json()["paid_twice"] == 0
    assert [p.solved_by for p in rows(Problem, out.kept)] == [["small"], []]


def test_a_later_step_adds_its_model_to_those_of_an_earlier_one(tmp_path: Path) -> None:
    with scripted(REPLIES) as teacher:
        first = run(tmp_path, step(teacher.url, samples=1), PROBLEMS[:2])
        both = run(tmp_path, step(teacher.url, model="large", samples=4), rows(Problem, first.kept))
        anew = run(tmp_path, step(teacher.url, samples=4), rows(Problem, both.kept))
    easy, hard = rows(Problem, both.kept)
    assert (easy.solved_by, easy.unsolved_by) == (["small", "large"], [])
    assert (hard.solved_by, hard.unsolved_by) == (["large"], ["small"])
    assert hard.weak_rates == [
        {"model": "small", "rate": 0.0, "attempts": 1},
        {"model": "large", "rate": 0.25, "attempts": 4},
    ]
    assert (rows(Problem, anew.kept)[1].solved_by, rows(Problem, anew.kept)[1].unsolved_by) == (["large", "small"], [])


def test_the_prompt_and_sampling_reach_the_model(tmp_path: Path) -> None:
    with scripted(REPLIES) as teacher:
        weak = step(teacher.url, samples=1, prompt={"user": "{problem}"}, sampling={"temperature": 0.05})
        run(tmp_path, weak, PROBLEMS[:1])
        (request,) = teacher.log.as_json()["requests"]
    assert request["body"]["messages"] == [{"role": "user", "content": "Easy: add 2 and 2."}]
    assert request["body"]["temperature"] == 0.05


def test_every_key_that_is_needed_is_looked_for_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    asked = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
    with_key = {**asked, "api_key_env": "NO_SUCH_KEY"}
    for weak in ({"teacher": with_key}, {"teacher": asked, "judge": with_key}):
        features = Features.model_validate({"step": "features", "weak": [{"model": "a", **weak}]})
        with pytest.raises(TeacherError, match="NO_SUCH_KEY"):
            features.ready()


def test_an_estimate_knows_what_a_weak_model_will_be_asked() -> None:
    (asked,) = step("http://a/v1", prompt={"user": "Do: {problem}"}).asking(PROBLEMS)
    assert (asked.what, asked.samples, len(asked.prompts)) == (": weak small", 4, 4)
    assert asked.prompts[0][1] == [{"role": "user", "content": "Do: Easy: add 2 and 2."}]


@pytest.mark.parametrize(
    ("weak", "message"),
    [
        ({}, "give either 'path'"),
        ({"path": "x", "teacher": {"base_url": "http://a/v1", "model": "m"}}, "give either 'path'"),
        ({"path": "x", "samples": 2}, "'samples' changes nothing beside 'path'"),
        ({"teacher": {"base_url": "http://a/v1", "model": "m"}, "judge_when": "all"}, "nothing without a 'judge'"),
        ({"path": "x", "judge": {"base_url": "http://a/v1", "model": "m"}}, "'judge' changes nothing"),
    ],
)
def test_an_entry_reads_or_asks(weak: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Features.model_validate({"step": "features", "weak": [{"model": "a", **weak}]})


def test_the_same_answer_is_not_paid_many_times() -> None:
    assert "temperature 0" in step("http://a/v1", sampling={"temperature": 0}).check()[0]
    ignoring = {"base_url": "http://a/v1", "model": "m", "ignores": ["top_p"]}
    (said,) = step("http://a/v1", teacher=ignoring, sampling={"top_p": 0.9}).check()
    assert said.startswith("weak small: sampling.top_p is set")


def test_bands_of_rates_have_reasons_of_their_own() -> None:
    def rated(rate: float | None, number: int) -> Problem:
        rates = [] if rate is None else [{"model": "small", "rate": rate, "attempts": 32}]
        return problem(f"text {number}", source_row=number, weak_rates=rates)

    problems = [rated(rate, i) for i, rate in enumerate([0.0, 1 / 32, 3 / 32, 4 / 32, 1.0, None])]
    band = {"name": "weak_rate", "model": "small", "least": 0.03, "most": 0.1}
    config = FilterStep.model_validate({"step": "filter", "filters": [band]})
    out = config.run({Problem: frame(Problem, problems)}, StepContext(seed=1, work=Path(), run=Path()))
    assert out.kept["source_row"].to_list() == [1, 2]
    assert out.dropped["reason"].to_list() == ["too_hard", "too_easy", "too_easy", "not_tried"]
    assert json.loads(out.dropped["evidence"][1])["rate"] == 0.125
    assert json.loads(out.dropped["evidence"][3])["not_tried_by"] == ["small"]


def test_a_band_of_a_model_that_no_step_asks_is_refused() -> None:
    asked = WeakRateBand(model="small", most=0.5)
    assert asked.check_after([step("http://a/v1")]) == []
    (said,) = asked.check_after([])
    assert said.startswith("the filter 'weak_rate' asks whether 'small' solved a problem, and no step before it tells")


@pytest.mark.parametrize("keys", [{"least": 0.5, "most": 0.4}, {}])
def test_a_band_that_says_nothing_is_refused(keys: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"least is above most|every rate"):
        WeakRateBand(model="small", **keys)


def test_rates_are_a_typed_column_that_datasets_reads(tmp_path: Path) -> None:
    import datasets

    empty = frame(Problem, [problem("a"), problem("b")])
    assert empty.schema["weak_rates"] == schema(Example)["weak_rates"]
    full = frame(Problem, [problem("a", weak_rates=[{"model": "m", "rate": 0.5, "attempts": 2}]), problem("b")])
    full.write_parquet(tmp_path / "rates.parquet")
    read = datasets.Dataset.from_parquet(str(tmp_path / "rates.parquet"), cache_dir=str(tmp_path / "cache"))
    assert read[0]["weak_rates"] == [{"model": "m", "rate": 0.5, "attempts": 2}]
    assert read[1]["weak_rates"] is None


def test_rates_survive_a_file_of_any_kind(tmp_path: Path) -> None:
    from cotkit.cli.files import read_problems, write
    from cotkit.cli.output import Output

    table = frame(Problem, [problem("a", weak_rates=[{"model": "m", "rate": 0.5, "attempts": 2}]), problem("b")])
    for kind in ("csv", "jsonl", "parquet"):
        write(tmp_path / f"rated.{kind}", table)
        read = read_problems(tmp_path / f"rated.{kind}", None, None, Output())
        assert read.kept["weak_rates"].to_list() == table["weak_rates"].to_list(), kind


def test_what_is_guessed_within_eight_tries_is_dropped_and_what_the_ninth_would_find_stays(tmp_path: Path) -> None:
    """Kimi k1.5's test for prompts that are easy to hack (arXiv 2501.12599, section 2.1)."""
    replies = [
        {"match": "Easy", "attempt": 7, "content": "\\boxed{4}"},
        {"match": "Hard", "attempt": 8, "content": "\\boxed{4}"},
        {"match": "add", "content": "\\boxed{5}"},
    ]
    with scripted(replies) as teacher:
        guess = {"user": "{problem}\n\nGive only your answer in \\boxed{}, at once."}
        out = run(tmp_path, step(teacher.url, model="guesser", samples=8, prompt=guess), PROBLEMS[:2])
        assert teacher.log.as_json()["asked"] == 16
    sieve = FilterStep.model_validate({"step": "filter", "filters": [{"name": "unsolved", "models": ["guesser"]}]})
    kept = sieve.run({Problem: out.kept}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    assert kept.kept["problem"].to_list() == [PROBLEMS[1].problem]
    assert kept.dropped.select("problem", "reason").rows() == [(PROBLEMS[0].problem, "too_easy")]
