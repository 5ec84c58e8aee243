"""`cotkit trim` and `cotkit pairs` on files, as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]
Jsonl = Callable[..., Path]

LONG = (
    "3 + 4 is 7, so the answer is 14.\n\nWait, 3 * 4 = 12. So the answer is 12.\n\n"
    "Let me verify: 12 / 4 = 3. Yes, so the answer is 12.\n\nAlternatively, 2 * 6 = 12, so the answer is 12."
)


def row(reasoning: str | None, response: str, **more: Any) -> dict[str, Any]:
    return {"problem": "What is 3 * 4?", "answer": "12", "reasoning": reasoning, "response": response, **more}


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_row_of_trim_passes_verify_again(cli: Cli, jsonl: Jsonl, tmp_path: Path) -> None:
    rows = [row(LONG, "It is \\boxed{12}.", note="kept"), row(None, "It is 13."), row("Hmm.", "\\boxed{12}")]
    answers = jsonl("answers.jsonl", rows)
    assert cli("verify", answers, "--out", "graded.jsonl").returncode == 0
    done = cli("trim", "graded.jsonl", "--out", "short.jsonl")
    assert done.returncode == 0, done.stderr
    assert "trimmed 1" in done.stderr
    found = read(tmp_path / "short.jsonl")
    assert [r["trim"] for r in found] == ["trimmed", "not_correct", "no_answer_found"]
    assert LONG.startswith(found[0]["reasoning"])
    assert found[0]["reasoning"].endswith("Yes, so the answer is 12.")
    assert found[0]["note"] == "kept"
    assert (found[0]["solutions"], found[0]["first_correct"]) == (4, 2)
    assert found[1]["response"] == "It is 13."
    assert cli("verify", "short.jsonl", "--out", "again.jsonl").returncode == 0
    assert [r["verdict"] for r in read(tmp_path / "again.jsonl")] == [r["verdict"] for r in found]


def test_trim_refuses_a_mode_that_is_none_and_a_file_without_verdicts(cli: Cli, jsonl: Jsonl) -> None:
    graded = jsonl("graded.jsonl", [row(LONG, "12", verdict="correct")])
    done = cli("trim", graded, "--mode", "shortest")
    assert done.returncode == 2
    assert "--mode shortest" in done.stderr
    done = cli("trim", jsonl("raw.jsonl", [row(LONG, "12")]))
    assert done.returncode == 3
    assert "no column 'verdict'" in done.stderr


def test_a_word_that_is_no_verdict_is_refused_and_capitals_are_read(cli: Cli, jsonl: Jsonl, tmp_path: Path) -> None:
    capital = jsonl("capital.jsonl", [row(LONG, "It is \\boxed{12}.", verdict="Correct ")])
    assert cli("trim", capital, "--out", "short.jsonl").returncode == 0
    assert [r["trim"] for r in read(tmp_path / "short.jsonl")] == ["trimmed"]
    for verb, word in (("trim", "right"), ("pairs", 4), ("score", "yes")):
        graded = jsonl("odd.jsonl", [row(LONG, "12", verdict="correct"), row(LONG, "12", verdict=word)])
        done = cli(verb, graded, *(("--by", "r1_zero") if verb == "score" else ()))
        assert done.returncode == 3
        assert f"row 2: the verdict '{word}' is none of correct, incorrect, undecided" in done.stderr


def test_pairs_of_a_file_are_made_and_proved(cli: Cli, jsonl: Jsonl, tmp_path: Path) -> None:
    attempts = [
        row("x" * 10, "12", verdict="correct"),
        row("x" * 30, "12", verdict="correct"),
        row("x" * 30, "13", verdict="incorrect"),
        row("x" * 99, "13", verdict="undecided"),
        row("x" * 99, "13", verdict="undecided", status="length"),
    ]
    done = cli("pairs", jsonl("graded.jsonl", attempts), "--pairs", "4", "--out", "dpo.jsonl", "--dropped", "d.jsonl")
    assert done.returncode == 0, done.stderr
    pairs = read(tmp_path / "dpo.jsonl")
    assert [(p["rejected_kind"], p["chosen_length"], p["rejected_length"]) for p in pairs] == [
        ("longer", 12, 32),
        ("wrong", 12, 32),
    ]
    assert sorted(r["reason"] for r in read(tmp_path / "d.jsonl")) == ["length", "undecided"]
    assert cli("pairs", "check", "dpo.jsonl").returncode == 0
    pairs[0]["rejected_length"] = 13
    broken = cli("pairs", "check", jsonl("broken.jsonl", pairs))
    assert broken.returncode == 8
    assert "row 1: a length is not that of its text" in broken.stdout
    assert cli("pairs", "graded.jsonl", "--by", "shortest").returncode == 2


def test_the_proof_of_pairs_grades_both_sides(cli: Cli, jsonl: Jsonl, tmp_path: Path) -> None:
    attempts = [row("x" * 10, "12", verdict="correct"), row("x" * 30, "13", verdict="incorrect")]
    done = cli("pairs", jsonl("graded.jsonl", attempts), "--by", "first", "--out", "dpo.jsonl")
    assert done.returncode == 0, done.stderr
    (pair,) = read(tmp_path / "dpo.jsonl")
    proved = cli("pairs", "check", "dpo.jsonl", "--by", "first")
    assert proved.returncode == 0
    assert "not graded" not in proved.stdout
    sides = {"chosen": pair["rejected"], "rejected": pair["chosen"]}
    lengths = {"chosen_length": pair["rejected_length"], "rejected_length": pair["chosen_length"]}
    swapped = cli("pairs", "check", jsonl("swapped.jsonl", [{**pair, **sides, **lengths}]), "--by", "first")
    assert swapped.returncode == 8
    assert "row 1: the chosen attempt is graded incorrect (its answer is 13, the reference 12)" in swapped.stdout
    both = [{**pair, "rejected": pair["chosen"], "rejected_length": pair["chosen_length"]}]
    found = json.loads(cli("pairs", "check", jsonl("both.jsonl", both), "--by", "first", "--json").stdout)
    assert found["broken"][0]["rule"] == "the rejected attempt is called wrong and is graded correct"
    # What nothing can grade again is told, and breaks nothing: no reference, or a verdict by a judge's word.
    judged = {**pair, **sides, **lengths, "chosen_verdict_method": "judge", "rejected_verdict_method": "judge"}
    told = cli("pairs", "check", jsonl("judged.jsonl", [judged, {**pair, "answer": None}]), "--by", "first")
    assert told.returncode == 0
    assert "4 of 4 sides were not graded" in told.stdout
