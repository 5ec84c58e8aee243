"""Features of problems: what weaker models solved, ratings and subjects by a teacher or MiniLM, token counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from teacher import FakeTeacher
from test_select import attempt

from cotkit.curate.features import Features
from cotkit.curate.filters.unsolved import Unsolved
from cotkit.curate.msc import CLASSES
from cotkit.curate.rating import ask_subject, read_difficulty, read_subject
from cotkit.curate.select import Select, counted, select
from cotkit.errors import InputError
from cotkit.records import Problem, Verdict, frame, problem_id, rows
from cotkit.run.tables import write_table
from cotkit.steps import StepContext, StepOutput

TEXTS = ["Find the number of primes below 50.", "What is the area of a triangle with sides 3, 4, 5?", "Roll two dice."]
PROBLEMS = [Problem(problem_id(t), t, source="s", source_row=i) for i, t in enumerate(TEXTS)]


def run(tmp_path: Path, **keys: Any) -> StepOutput:
    step = Features.model_validate({"step": "features", **keys})
    step.materials({})
    out = step.run({Problem: frame(Problem, PROBLEMS)}, StepContext(seed=1, work=tmp_path, run=tmp_path))
    assert out.kept.select("source", "source_row").rows() == [("s", 0), ("s", 1), ("s", 2)]
    assert out.dropped.height == 0
    return out


def verdicts(*rows_: tuple[int, str, str]) -> list[Verdict]:
    return [Verdict(PROBLEMS[i].problem_id, n, v, "1", "1", "exact", why) for n, (i, v, why) in enumerate(rows_)]


def test_weak_models_come_from_a_file_or_a_run(tmp_path: Path, jsonl: Callable[..., Path]) -> None:
    graded = jsonl(
        "graded.jsonl",
        [
            {"problem": TEXTS[0], "verdict": "correct"},
            {"problem": TEXTS[0], "verdict": "incorrect"},
            {"problem": TEXTS[1], "verdict": "incorrect"},
            {"problem": "Of no interest", "verdict": "correct"},
        ],
    )
    folder = tmp_path / "run" / "06-verify"
    folder.mkdir(parents=True)
    found = verdicts((0, "incorrect", ""), (1, "undecided", "trace_length"), (2, "undecided", "prose"))
    write_table(folder / "kept.parquet", frame(Verdict, found))
    weak = [{"model": "small", "path": str(graded)}, {"model": "large", "path": str(tmp_path / "run")}]
    out = run(tmp_path, weak=weak)
    first, second, third = rows(Problem, out.kept)
    assert (first.solved_by, first.unsolved_by) == (["small"], ["large"])
    assert (second.solved_by, second.unsolved_by) == ([], ["small", "large"])
    assert (third.solved_by, third.unsolved_by) == ([], [])
    assert out.counters["tried by small"] == 2
    assert out.counters["solved by small"] == 1
    both = Unsolved(models=("small", "large"))
    assert both.reject(first) == {"solved_by": ["small"]}
    assert both.reject(second) is None
    assert both.reject(third) == {"not_tried_by": ["small", "large"]}
    assert both.reject(PROBLEMS[0]) == {"not_tried_by": ["small", "large"]}


def test_what_is_no_graded_answer_is_told(tmp_path: Path, jsonl: Callable[..., Path]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no graded answers of 'm' here"):
        run(tmp_path, weak=[{"model": "m", "path": str(tmp_path / "empty")}])
    raw = jsonl("raw.jsonl", [{"problem": TEXTS[0], "answer": "4"}])
    with pytest.raises(InputError, match=r"raw.jsonl, line 1: no problem_id or problem, or no verdict"):
        run(tmp_path, weak=[{"model": "m", "path": str(raw)}])


def test_a_teacher_rates_and_labels_and_is_paid_once(tmp_path: Path) -> None:
    def reply(text: str) -> str:
        if "primes" in text:
            return "Easy.\n\nDIFFICULTY: 2" if "DIFFICULTY" in text else "About primes.\nSUBJECT: 11"
        if "triangle" in text:
            return "**DIFFICULTY: 3.5**" if "DIFFICULTY" in text else "**SUBJECT: 51**"
        return "I think 4 of 10" if "DIFFICULTY" in text else "SUBJECT: 99"

    with FakeTeacher(replies=reply) as teacher:
        whom = {"base_url": teacher.url, "model": "m"}
        keys = {
            "difficulty": {"teacher": whom, "samples": 2},
            "subject": {"teacher": whom, "minilm": False},
            "limits": {"timeout_s": 60, "retries": 0},
        }
        out = run(tmp_path, **keys)
        again = run(tmp_path, **keys)
        assert teacher.asked == 9
    assert [(p.difficulty, p.subject) for p in rows(Problem, out.kept)] == [(2.0, "11"), (3.5, "51"), (None, None)]
    assert (out.counters["rated"], out.counters["labelled"], out.counters["requests"]) == (2, 2, 9)
    assert again.kept.equals(out.kept)
    assert again.counters["requests"] == 0
    assert out.secondary["features"]["ratings"].to_list() == [[2.0, 2.0], [3.5, 3.5], []]


def test_a_teacher_that_fails_for_a_passing_reason_is_asked_again(tmp_path: Path) -> None:
    with FakeTeacher(replies=lambda _: "SUBJECT: 11") as teacher:
        teacher.fault("503")
        whom = {"base_url": teacher.url, "model": "m"}
        out = run(tmp_path, subject={"teacher": whom, "minilm": False}, limits={"timeout_s": 60, "retries": 0})
    assert out.incomplete == 3
    assert out.kept["subject"].to_list() == [None] * 3


def test_minilm_labels_without_a_key_and_agreement_is_counted(tmp_path: Path) -> None:
    from cotkit.dedup.weights import find_weights

    try:
        find_weights()
    except InputError as error:
        pytest.skip(str(error))
    out = run(tmp_path, subject={})
    assert out.kept["subject"].to_list() == ["11", "51", "60"]
    with FakeTeacher(replies=lambda text: "SUBJECT: 11" if "primes" in text else "SUBJECT: 05") as teacher:
        out = run(tmp_path, subject={"teacher": {"base_url": teacher.url, "model": "m"}})
    assert out.kept["subject"].to_list() == ["11", "05", "05"]
    assert (out.counters["agreed"], out.counters["disagreed"]) == (1, 2)


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("It is hard.\nDIFFICULTY: 7", 7.0),
        ("DIFFICULTY: 6.5/10", 6.5),
        ("DIFFICULTY: 0", None),
        ("DIFFICULTY: 11", None),
        ("DIFFICULTY: 7\nor so", None),
        ("", None),
    ],
)
def test_ratings_are_read_from_the_last_line(reply: str, value: float | None) -> None:
    assert read_difficulty(reply) == value


def test_subjects_are_classes_that_exist_and_problems_are_quoted() -> None:
    assert read_subject("SUBJECT: 05 Combinatorics") == "05"
    assert read_subject("SUBJECT: 02") is None
    assert len(CLASSES) == 63
    prompt = ask_subject("SUBJECT: 11\n{classes}")
    assert "| SUBJECT: 11\n| {classes}\n" in prompt
    assert all(f"\n{code} " in prompt for code in CLASSES)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "nothing is asked for"),
        ({"subject": {"minilm": False}}, "nobody labels"),
        ({"weak": [{"model": "a", "path": "x"}, {"model": "a", "path": "y"}]}, "one model name"),
    ],
)
def test_keys_that_cannot_work_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Features.model_validate({"step": "features", **keys})


def tokenizer(folder: Path) -> Path:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    made = Tokenizer(WordLevel({"[UNK]": 0, "so": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.enable_truncation(3)
    folder.mkdir()
    made.save(str(folder / "tokenizer.json"))
    return folder


def test_select_counts_tokens_by_a_named_tokenizer(tmp_path: Path) -> None:
    folder = tokenizer(tmp_path / "tok")
    config = Select.model_validate({"step": "select", "tokenizer": str(folder)})
    assert list(config.materials({})) == ["tokenizer"]
    out = counted(select([attempt("a", 0, "correct", text="so so what now then")], config), config.tokenizer)
    assert out.kept["reasoning_tokens"].to_list() == [5]
    assert out.kept["response_tokens"].to_list() == [5]
    relative = Select.model_validate({"step": "select", "tokenizer": "./tok"}, context={"base": tmp_path})
    assert relative.tokenizer == str(folder)


def test_a_tokenizer_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tokenizer here"):
        Select.model_validate({"step": "select", "tokenizer": str(tmp_path / "no")}).materials({})
    (tmp_path / "tokenizer.json").write_text("{}")
    out = select([attempt("a", 0, "correct")], Select(step="select"))
    with pytest.raises(InputError, match="not a tokenizer that can be read"):
        counted(out, str(tmp_path))
    with pytest.raises(InputError, match="the Hub did not give"):
        Select.model_validate({"step": "select", "tokenizer": "nobody/nothing"}).materials({})


def test_features_reach_the_published_row() -> None:
    one = attempt("a", 0, "correct")
    rich = Problem("a", "x", subject="11", difficulty=2.5, solved_by=["s"], unsolved_by=[])
    out = select([type(one)(rich, one.trace, one.verdict)], Select(step="select"))
    (row,) = out.kept.iter_rows(named=True)
    assert (row["subject"], row["difficulty"], row["solved_by"], row["unsolved_by"]) == ("11", 2.5, ["s"], [])
    assert json.dumps(row, default=str)
