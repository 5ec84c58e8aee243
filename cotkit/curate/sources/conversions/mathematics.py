"""Mathematics sets."""

from __future__ import annotations

import re

from cotkit.curate.sources.conversions.exams import crossword_answer
from cotkit.curate.sources.conversions.shape import Row

_LEVEL = re.compile(r"Level (\d)")
# Longest answer that stands alone in a column of solutions; a sentence is longer.
SHORT = 60


def math_level(row: Row) -> Row:
    """MATH: `Level 5` as 5; `Level ?` as nothing."""
    found = _LEVEL.fullmatch(str(row.get("level") or ""))
    return {"level": int(found[1]) if found else None}


def numina(row: Row) -> Row:
    """NuminaMath 1.5: the answer `notfound` is none; the flags become booleans."""
    answer = row.get("answer")
    flags = ("problem_is_valid", "solution_is_valid")
    return {
        "answer": None if isinstance(answer, str) and answer.strip() == "notfound" else answer,
        **{flag: row[flag] == "Yes" for flag in flags if row.get(flag) is not None},
    }


def accepted(row: Row) -> Row:
    """Minerva Math in some copies: a list of accepted forms of one answer, of which the first is the reference."""
    answer = row["answer"]
    forms = [str(form).strip() for form in answer] if isinstance(answer, list) else [answer]
    return {"answer": forms[0] if forms else None, "accepted": forms}


def olympiad_bench(row: Row) -> Row:
    """OlympiadBench: the context before the question; proofs have the answer `proof`; solutions joined."""
    context, question = str(row.get("context") or "").strip(), str(row.get("question") or "").strip()
    answers = row.get("final_answer") or []
    answer = answers if isinstance(answers, str) else ", ".join(str(a) for a in answers) or None
    if answer is None and "proof" in str(row.get("question_type") or "").lower():
        answer = "proof"
    solution = row.get("solution")
    return {
        "question": f"{context}\n\n{question}" if context and question else question,
        "question_alone": question,
        "final_answer": answer,
        "solution": "\n\n".join(map(str, solution)) if isinstance(solution, list) else solution,
    }


def topics(row: Row) -> Row:
    """Omni-MATH and Big-Math: their `domain` is a list of topics, not a domain."""
    return {"topics": row.get("domain"), "domain": None}


def s1k(row: Row) -> Row:
    """s1K: a short `solution` of one line is the answer, a longer one the worked solution; crosswords name it."""
    kind = str(row.get("cot_type") or "")
    solution = str(row.get("solution") or "").strip()
    is_answer = len(solution) <= SHORT and "\n" not in solution and "boxed" not in solution
    return {
        "domain": {"science": "science", "crossword": "puzzle"}.get(kind, "math"),
        "answer": crossword_answer(solution) or (solution if is_answer else None),
    }


def open_thoughts(row: Row) -> Row:
    """OpenThoughts-114k metadata: tests of code rows are a JSON text, biology and the like are science."""
    domain = str(row.get("domain") or "")
    tests = row.get("test_cases")
    return {
        "domain": domain if domain in ("math", "code", "puzzle") else "science",
        "tests": tests if tests not in (None, "", "{}", "[]") else None,
    }


def without_trace(_: Row) -> Row:
    """Sets whose `solution` is a model's trace: it is no reference solution."""
    return {"solution": None}
