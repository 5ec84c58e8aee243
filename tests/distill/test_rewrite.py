"""Formulas out of a model's reach, and worked solutions told again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from construct_parts import asked, construct, run_construct
from hypothesis import given
from hypothesis import strategies as st

from cotkit.distill.formulas import formula_spans, formulas, lost_numbers, mask, places, unmask
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.records import Problem, frame

TEXT = r"Let $a=1$, \(b\) and \[c\] be, $$d$$ too. \begin{align}x&=1\end{align} \boxed{\frac{1}{2}}, ```py" + "\nq\n```"


def test_every_kind_of_formula_is_found() -> None:
    assert formulas(TEXT) == [
        "$a=1$", r"\(b\)", r"\[c\]", "$$d$$", r"\begin{align}x&=1\end{align}", r"\boxed{\frac{1}{2}}", "```py\nq\n```",
    ]  # fmt: skip
    assert formulas("It costs \\$5 and $7.\nThen $x$, never \\[ closed, nor \\begin{a}.") == ["$x$"]
    assert formulas(r"$\boxed{3}$ and \boxed{4}") == [r"$\boxed{3}$", r"\boxed{4}"]


SIGNS = st.lists(
    st.sampled_from(["$", "$$", "\\(", "\\)", "\\[", "\\]", "\\boxed{", "}", "{", "```", "\n", "a", "é", " ", "⟧",
                     "\\begin{x}", "\\end{x}", "\\$", "1,2"]),
    max_size=24,
).map("".join)  # fmt: skip


@given(SIGNS)
def test_masked_and_back_is_the_same_text(text: str) -> None:
    spans = formula_spans(text)
    assert all(a < b for a, b in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    masked, held = mask(text)
    assert held == [text[a:b] for a, b in spans]
    assert unmask(masked, held) == text
    assert places(masked) == list(range(1, len(held) + 1))


@pytest.mark.parametrize("text", ["⟦1⟧", "⟦1⟧ ⟦1⟧ ⟦2⟧", "⟦2⟧ ⟦3⟧", "none"])
def test_a_lost_or_doubled_mark_is_told(text: str) -> None:
    assert unmask(text, ["$a$", "$b$"]) is None
    assert unmask("⟦2⟧, then ⟦ 1 ⟧", ["$a$", "$b$"]) == "$b$, then $a$"


@pytest.mark.parametrize("opener", ["$", "\\[", "\\boxed{", "```", "\\begin{a}", "$\n"])
def test_a_megabyte_of_openers_is_read_in_linear_time(opener: str) -> None:
    formula_spans(opener * (1_000_000 // len(opener)))


def test_numbers_in_words_are_compared() -> None:
    assert lost_numbers("12 cows and 1,000 hens, $7$", "1000只鸡, 12头牛") == []
    assert lost_numbers("12 cows", "13 cows") == ["12"]


SOLUTION = "We have $6\\cdot 7=42$, so it is \\boxed{42}."
GOOD = "First we multiply, since there are six rows of seven. We have $6\\cdot 7=42$. So it is \\boxed{42}."
REWRITE = {"by": "rewrite"}


def rewriting(
    tmp_path: Path,
    content: str,
    keys: Mapping[str, Any] = REWRITE,
    problem: Problem | None = None,
    fault: str = "",
    notes: list[str] | None = None,
) -> Any:
    problem = problem or Problem("p1", "Six {solution} times seven?", answer="42", solution=SOLUTION, source="t")
    told = Reply(match="", content=content)
    with ScriptedTeacher(Scenario(thinks=False), speak=lambda _: told) as server:
        if fault:
            server.fault(fault)
        output = run_construct(construct(server.url, keys), frame(Problem, [problem]), tmp_path, notes=notes)
        return output, asked(server)


def test_a_solution_is_told_again_with_its_formulas(tmp_path: Path) -> None:
    output, sent = rewriting(tmp_path, GOOD)
    assert output.kept["response"].to_list() == [GOOD]
    assert json.loads(output.kept["provenance"][0])["rewritten"] is True
    assert len(sent) == 1
    # What a problem says is no place to fill in.
    assert sent[0][-1]["content"].endswith(f"Problem:\nSix {{solution}} times seven?\n\nSolution:\n{SOLUTION}")


@pytest.mark.parametrize(
    ("content", "fault", "reason"),
    [
        (GOOD.replace("42", "43"), "", "answer_changed"),
        (GOOD.replace("\\boxed{42}", "as said").replace("=42", "=q"), "", "answer_changed"),
        (GOOD.replace("\\cdot", "\\times"), "", "formulas_changed"),
        (GOOD, "length", "unfinished"),
        (GOOD, "400_context", "unfinished"),
        (SOLUTION[8:], "", "too_short"),
    ],
)
def test_a_faulty_rewriting_is_dropped_or_falls_back_with_its_reason(
    tmp_path: Path, content: str, fault: str, reason: str
) -> None:
    notes: list[str] = []
    output, _ = rewriting(tmp_path, content, {**REWRITE, "fall_back": True}, fault=fault, notes=notes)
    assert output.kept["response"].to_list() == [SOLUTION]
    # It is nobody's answer, and nothing of the failed one is counted as its own.
    assert output.kept["teacher"].to_list() == ["t (its own solution)"]
    assert output.kept["completion_tokens"].to_list() == [None]
    assert any("1 of 1 kept texts were not written by m" in note for note in notes)
    assert json.loads(output.kept["provenance"][0])["fell_back"] == reason
    assert output.counters[f"fell_back_{reason}"] == 1
    strict, _ = rewriting(tmp_path / "strict", content, fault=fault)
    assert strict.dropped["reason"].to_list() == [reason]


def test_a_problem_without_solution_is_not_asked(tmp_path: Path) -> None:
    output, sent = rewriting(tmp_path, GOOD, problem=Problem("p", "Six?", answer="42", source="t"))
    assert (output.dropped["reason"].to_list(), sent) == (["no_solution"], [])
