"""Science, exams and puzzles."""

from __future__ import annotations

import random
import re
from string import ascii_uppercase
from typing import Any

from cotkit.curate.sources.conversions.programs import paired
from cotkit.curate.sources.conversions.shape import LeftOut, Row

_OPTION_MARK = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])[.)])\s*")


def olympic_arena(row: Row) -> Row | LeftOut:
    """OlympicArena: English and text only, as s1 takes it; answers are lists, code has tests."""
    language, answer = str(row["language"]), row.get("answer")
    tests = row.get("test_cases")
    subject = str(row.get("subject") or "")
    made: dict[str, Any] = {
        "answer": ", ".join(map(str, answer)) or None if isinstance(answer, list) else answer,
        "language": {"EN": "en", "ZH": "zh"}.get(language, language.lower()),
        "tests": (paired(tests) or None) if tests else None,
        "domain": {"math": "math", "cs": "code"}.get(subject.lower(), "science"),
    }
    if "text-only" not in str(row["modality"]).lower().replace("_", "-").replace(" ", "-"):
        return LeftOut("needs_picture", made)
    return LeftOut("other_language", made) if language != "EN" else made


def agieval(row: Row) -> Row:
    """AGIEval: the passage before the question; options without their letters; the label is the answer."""
    passage, question = str(row.get("passage") or "").strip(), str(row.get("question") or "").strip()
    label, answer = row.get("label"), row.get("answer")
    options = row.get("options") or []
    solution = row.get("solution") or None
    return {
        "problem": f"{passage}\n\n{question}" if passage else question,
        "choices": [_OPTION_MARK.sub("", str(o), count=1) for o in options] or None,
        "answer": label if label not in (None, "") else answer if answer not in (None, "") else None,
        "solution": solution,
    }


def theorem_qa(row: Row) -> Row | LeftOut:
    """TheoremQA: rows with a picture cannot be asked as text."""
    return LeftOut("needs_picture") if row.get("Picture") is not None else {}


def jee_bench(row: Row) -> Row:
    """JEEBench: `ABD` of a question with several right options as `A, B, D`."""
    gold = str(row["gold"]).strip()
    several = str(row.get("type")) == "MCQ(multiple)"
    subject = {"math": "math"}.get(str(row.get("subject")), "science")
    return {"gold": ", ".join(gold) if several and gold.isalpha() else gold, "domain": subject}


def gpqa(row: Row) -> Row:
    """GPQA: four options in an order drawn from the question with seed 42, and the letter of the right one."""
    question, right = str(row["Question"]).strip(), str(row["Correct Answer"]).strip()
    options = [right, *(str(row[f"Incorrect Answer {i}"]).strip() for i in (1, 2, 3))]
    order = random.Random(f"42 {question}").sample(range(4), 4)
    return {
        "problem": question,
        "choices": [options[i] for i in order],
        "answer": ascii_uppercase[order.index(0)],
        "solution": row.get("Explanation"),
    }


def riddle_sense(row: Row) -> Row:
    """riddle_sense: {label, text} as a list of options in the order of their letters."""
    choices = row["choices"]
    pairs = sorted(zip(choices["label"], choices["text"], strict=True))
    return {"choices": [text for _, text in pairs], "answer": row.get("answerKey") or None}


def sci_eval(row: Row) -> Row | LeftOut:
    """SciEval: the question without its last line `Answer:`; the first of the answers."""
    answers = row.get("answer") or []
    answer = answers if isinstance(answers, str) else str(answers[0]) if answers else ""
    made = {"problem": str(row["question"]).split("\n\nAnswer:")[0].strip(), "answer": answer or None}
    return made if answer else LeftOut("no_answer", made)


def xword(row: Row) -> Row:
    """xword1: the clue after `### Clue:`, the answer between `### Answer:` and `### Explanation:`."""
    clue = str(row["input"]).split("### Clue:", 1)[1]
    task = "Solve the clue of a cryptic crossword. The number of letters stands in brackets."
    return {
        "problem": f"{task}\n\n{clue.strip()}",
        "answer": crossword_answer(str(row["output"])),
        "solution": row["output"],
    }


def crossword_answer(solution: str) -> str | None:
    """What stands between `### Answer:` and `### Explanation:`; None where there is no such."""
    return solution.partition("### Answer:")[2].partition("### Explanation:")[0].strip() or None
