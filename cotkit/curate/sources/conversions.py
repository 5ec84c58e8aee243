"""Rows of known sets that a column map cannot express. Each function is pure: a row in, its new columns out.

A column that is made is called as in cotkit.source.Columns (problem, answer, solution, choices, tests …).
KeyError, TypeError and ValueError say that the row has not the known form.
"""

from __future__ import annotations

import base64
import json
import pickletools
import random
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LeftOut:
    """A row that the set's users leave out by its nature: the short reason, and its columns all the same."""

    reason: str
    values: Row = field(default_factory=dict)


Conversion = Callable[[Row], Row | LeftOut]

MAX_TESTS = 64_000_000
# Longest answer that stands alone in a column of solutions; a sentence is longer.
SHORT = 60
_LEVEL = re.compile(r"Level (\d)")
_OPTION_MARK = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])[.)])\s*")
# Opcodes of a pickle that is one text and nothing else: nothing that could call or import.
_TEXT_PICKLE = {"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"}


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
        "final_answer": answer,
        "solution": "\n\n".join(map(str, solution)) if isinstance(solution, list) else solution,
    }


def olympic_arena(row: Row) -> Row | LeftOut:
    """OlympicArena: English and text only, as s1 takes it; answers are lists, code has tests."""
    language, answer = str(row["language"]), row.get("answer")
    tests = row.get("test_cases")
    subject = str(row.get("subject") or "")
    made: dict[str, Any] = {
        "answer": ", ".join(map(str, answer)) or None if isinstance(answer, list) else answer,
        "language": {"EN": "en", "ZH": "zh"}.get(language, language.lower()),
        "tests": _paired(tests) if tests else None,
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


def chat_prompt(row: Row) -> Row:
    """STILL-3 RL and the like: the prompt is a chat, the answer lies in reward_model."""
    return {"problem": _user_turn(row["prompt"]), "answer": row["reward_model"]["ground_truth"]}


def conversation(row: Row) -> Row:
    """Trace sets with `conversations`: the problem is the first user turn; the trace is left to `curate import`."""
    return {"problem": row.get("question") or _user_turn(row["conversations"])}


def without_trace(_: Row) -> Row:
    """Sets whose `solution` is a model's trace: it is no reference solution."""
    return {"solution": None}


def s1k(row: Row) -> Row:
    """s1K: a short `solution` of one line is the answer itself, a longer one the worked solution."""
    kind = str(row.get("cot_type") or "")
    solution = str(row.get("solution") or "").strip()
    is_answer = len(solution) <= SHORT and "\n" not in solution and "boxed" not in solution
    return {
        "domain": {"science": "science", "crossword": "puzzle"}.get(kind, "math"),
        "answer": solution if is_answer else None,
    }


def open_thoughts(row: Row) -> Row:
    """OpenThoughts-114k metadata: tests of code rows are a JSON text, biology and the like are science."""
    domain = str(row.get("domain") or "")
    tests = row.get("test_cases")
    return {
        "domain": domain if domain in ("math", "code", "puzzle") else "science",
        "tests": tests if tests not in (None, "", "{}", "[]") else None,
    }


def topics(row: Row) -> Row:
    """Omni-MATH and Big-Math: their `domain` is a list of topics, not a domain."""
    return {"topics": row.get("domain"), "domain": None}


def apps(row: Row) -> Row:
    """APPS and TACO: `input_output` is the tests, the first of `solutions` the solution, the starter code is shown."""
    tests = row.get("input_output")
    solutions = row.get("solutions")
    if isinstance(solutions, str):
        solutions = json.loads(solutions) if solutions.strip() else []
    starter = str(row.get("starter_code") or "").strip()
    question = str(row["question"]).strip()
    return {
        "problem": _with_starter(question, starter),
        "tests": tests if tests not in (None, "", "{}") else None,
        "solution": solutions[0] if solutions else None,
        "language": "en",
    }


def code_contests(row: Row) -> Row | LeftOut:
    """code_contests: public, private and generated tests as one list; the first Python 3 solution."""
    inputs: list[str] = []
    outputs: list[str] = []
    for name in ("public_tests", "private_tests", "generated_tests"):
        group = row.get(name) or {"input": [], "output": []}
        inputs += group["input"]
        outputs += group["output"]
    solutions = row.get("solutions") or {"language": [], "solution": []}
    python = [s for n, s in zip(solutions["language"], solutions["solution"], strict=True) if n == 3]
    picture = "<image>" in str(row["description"])
    made = {
        "tests": {"inputs": inputs, "outputs": outputs} if inputs else None,
        "solution": python[0] if python else None,
    }
    return LeftOut("needs_picture", made) if picture else made


def codeforces(row: Row) -> Row | LeftOut:
    """open-r1/codeforces: statement, formats and examples as one text; interactive problems cannot be tested.

    A copy that has the whole statement in `problem` and its `tests` is taken as it is.
    """
    if "problem" in row and "description" not in row:
        return {}
    parts = [str(row["description"]).strip()]
    for title, column in (("Input", "input_format"), ("Output", "output_format"), ("Note", "note")):
        if text := str(row.get(column) or "").strip():
            parts.append(f"{title}\n{text}")
    examples = row.get("examples") or []
    parts += [f"Example input\n{e['input']}\nExample output\n{e['output']}" for e in examples]
    tests = row.get("official_tests") or examples
    made = {
        "problem": "\n\n".join(parts),
        "tests": [{"input": t["input"], "output": t["output"]} for t in tests] or None,
        "solution": row.get("editorial") or None,
    }
    return LeftOut("interactive", made) if row.get("interaction_format") else made


def codeforces_python(row: Row) -> Row | LeftOut:
    """Codeforces-Python-Submissions: one problem a row, with the code of one submission; only accepted ones stay."""
    statement = [str(row[part]).strip() for part in ("problem-description", "input-specification")]
    statement.append(str(row["output-specification"]).strip())
    given, wanted = row.get("demo-input") or [], row.get("demo-output") or []
    statement += [f"Example input\n{i}\nExample output\n{o}" for i, o in zip(given, wanted, strict=False)]
    made = {
        "problem": "\n\n".join(part for part in statement if part),
        "tests": _paired(row["test_cases"]) if row.get("test_cases") else None,
        "solution": row.get("code"),
    }
    return made if row.get("verdict") == "OK" else LeftOut("not_accepted", made)


def leetcode(row: Row) -> Row:
    """LeetCodeDataset: description with its starter code; the test code calls `check(entry_point)`.

    A copy that has `problem` and `tests` is taken as it is.
    """
    if "problem" in row and "problem_description" not in row:
        return {}
    starter = str(row.get("starter_code") or "").strip()
    text = str(row["problem_description"]).strip()
    return {
        "problem": _with_starter(text, starter),
        "tests": {"test": row["test"], "entry_point": row["entry_point"]},
        "solution": row.get("completion"),
    }


def live_code_bench(row: Row) -> Row:
    """LiveCodeBench: public and private tests as one list, the starter code is shown, no solution is published."""
    public = json.loads(row["public_test_cases"])
    private = _private_tests(row["private_test_cases"])
    name = json.loads(row.get("metadata") or "{}").get("func_name")
    tests = [{**t, **({"metadata": {"func_name": name}} if name else {})} for t in [*public, *private]]
    starter = str(row.get("starter_code") or "").strip()
    text = str(row["question_content"]).strip()
    return {
        "problem": _with_starter(text, starter),
        "tests": tests or None,
    }


def _private_tests(text: str) -> list[Any]:
    """JSON, or base64 of zlib of a pickled text: the text is read from its opcodes, nothing is unpickled."""
    if not text:
        return []
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(base64.b64decode(text), MAX_TESTS)
    except zlib.error as error:
        raise ValueError(f"private tests: {error}") from error
    if inflate.unconsumed_tail:
        raise ValueError(f"private tests of more than {MAX_TESTS} bytes")
    found = None
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _TEXTS and found is None:
            found = argument
        elif opcode.name not in _TEXT_PICKLE:
            raise ValueError(f"private tests hold more than a text (opcode {opcode.name})")
    return list(json.loads(found or "[]"))


def _paired(tests: Any) -> list[dict[str, Any]]:
    """[{input, output}] from a list of pairs, or from a pair of lists as `datasets` gives it."""
    if isinstance(tests, Mapping):
        return [{"input": i, "output": o} for i, o in zip(tests["input"], tests["output"], strict=True)]
    return [{"input": t["input"], "output": t["output"]} for t in tests]


def _with_starter(text: str, code: str) -> str:
    return f"{text}\n\nStart from this code:\n```python\n{code}\n```" if code else text


def _user_turn(turns: Sequence[Mapping[str, Any]]) -> str | None:
    """The first turn of a user, in either spelling of chats."""
    for turn in turns:
        if turn.get("role", turn.get("from")) in ("user", "human"):
            return str(turn.get("content", turn.get("value")))
    return None


CONVERSIONS: Mapping[str, Conversion] = {
    f.__name__: f
    for f in (
        math_level,
        numina,
        accepted,
        olympiad_bench,
        olympic_arena,
        agieval,
        theorem_qa,
        jee_bench,
        gpqa,
        riddle_sense,
        chat_prompt,
        conversation,
        without_trace,
        s1k,
        open_thoughts,
        topics,
        apps,
        code_contests,
        codeforces,
        codeforces_python,
        leetcode,
        live_code_bench,
    )
}
