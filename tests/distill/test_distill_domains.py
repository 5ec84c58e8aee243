"""A prompt of its own for the problems of a domain, and the form of a program in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from distill_parts import FakeTeacher, problems, run_step, step
from pydantic import ValidationError

from cotkit.distill.prompt import Prompt
from cotkit.records import Problem, frame, rows

PROMPT = {
    "system": "Think.",
    "user": "Box it: {problem}",
    "by_domain": {
        "code": {"user": "{program_form}\n\n{problem}"},
        "puzzle": {"system": "Play.", "user": "{problem} Which? {choices}"},
        "science": {"system": "Explain."},
    },
}


def table() -> pl.DataFrame:
    made = rows(Problem, problems(["m", "c", "f", "n", "p", "s"]))
    domains = ("math", "code", "code", "code", "puzzle", "science")
    tests = (None, [{"input": "1", "output": "1"}], {"inputs": [[1]], "outputs": [1], "fn_name": "f"}, None, None, None)
    return frame(
        Problem,
        [
            replace(p, domain=d, tests=json.dumps(t) if t else None, choices=["x", "y"] if d == "puzzle" else None)
            for p, d, t in zip(made, domains, tests, strict=True)
        ],
    )


def test_each_domain_is_asked_in_its_own_words(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        output = run_step(step(server.url, prompt=PROMPT), table(), tmp_path)
        sent = [tuple(m["content"] for m in r["body"]["messages"]) for r in server.log()["requests"]]
    assert output.kept.height == 6
    by_problem = {text.rsplit("\n\n", 1)[-1]: (system, text) for system, text in sent}
    assert by_problem["Box it: m"] == ("Think.", "Box it: m")
    assert by_problem["c"][0] == "Think."
    assert by_problem["c"][1].startswith("Write a Python 3 program that reads standard input")
    assert "`f`" in by_problem["f"][1]
    assert ("Think.", "n") in {(system, text.strip()) for system, text in sent}
    assert ("Play.", "p Which? A. x\nB. y") in sent
    assert by_problem["Box it: s"] == ("Explain.", "Box it: s")


def test_a_changed_system_prompt_of_a_domain_is_a_changed_setting() -> None:
    one = step("http://127.0.0.1:9", prompt=PROMPT).settings()
    other = {**PROMPT, "by_domain": {**PROMPT["by_domain"], "science": {"system": "Guess."}}}
    assert step("http://127.0.0.1:9", prompt=other).settings() != one
    # Journals of earlier recipes are paid for: without system prompts of domains nothing changes.
    plain = {"system": "Think.", "user": "Box it: {problem}"}
    with_user = {**plain, "by_domain": {"code": {"user": "{problem}"}}}
    texts = {step("http://127.0.0.1:9", prompt=prompt).settings() for prompt in (plain, with_user)}
    assert len(texts) == 1
    assert '"system":"Think."' in texts.pop()


def test_the_reader_of_tests_is_in_the_key_where_it_decides() -> None:
    asking = step("http://127.0.0.1:9", prompt=PROMPT)
    assert "cotkit.verify.code" in asking.code_modules()
    assert "cotkit.verify.code" not in step("http://127.0.0.1:9").code_modules()


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValidationError, match="maths"):
        Prompt.model_validate({"by_domain": {"maths": {"user": "{problem}"}}})
    with pytest.raises(ValidationError, match="placeholder"):
        Prompt.model_validate({"by_domain": {"code": {"user": "nothing"}}})
    with pytest.raises(ValidationError, match="says nothing"):
        Prompt.model_validate({"by_domain": {"code": {}}})
