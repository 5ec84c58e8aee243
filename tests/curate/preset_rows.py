"""Made-up rows in the form of each known set: the columns that a preset reads, with the right kinds of values.

name -> (rows, what comes of them: the answer of a kept row, or ("dropped", reason)).
"""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any

Dropped = tuple[str, str]
Expected = list[str | Dropped | None]

IO = json.dumps({"inputs": ["1\n"], "outputs": ["2\n"]})
PRIVATE = base64.b64encode(
    zlib.compress(pickle.dumps(json.dumps([{"input": "2", "output": "4", "testtype": "stdin"}])))
).decode()
CHAT = [{"role": "user", "content": "What is 1+1?"}, {"role": "assistant", "content": "2"}]
OLD_CHAT = [{"from": "human", "value": "What is 1+1?"}, {"from": "gpt", "value": "2"}]
BOXED = "Add them to get $\\boxed{2}$."
PLAIN = {"problem": "What is 1+1?", "solution": BOXED, "answer": "2"}
QA = {"question": "What is 1+1?", "answer": "2"}
CODE = {
    "question": "Add one.",
    "solutions": '["print(2)"]',
    "starter_code": "",
    "input_output": IO,
    "difficulty": "EASY",
}
S1 = {"question": "What is 1+1?", "cot_type": "math", "source_type": "made/up", "metadata": "{}"}
MATH = {"problem": "What is 1+1?", "level": "Level 5", "type": "Algebra", "solution": BOXED}
ARENA = {
    "id": "M_1", "problem": "What is 1+1?", "answer": ["2"], "solution": "", "answer_type": "NV", "unit": [],
    "test_cases": {"input": [], "output": []}, "subject": "Math", "language": "EN", "modality": "text-only",
}  # fmt: skip
CAMEL = {"message_1": "What is 1+1?", "message_2": "It is 2.", "topic;": "sums", "sub_topic": "small sums"}
OLYMPIAD = {
    "id": 1, "subfield": "Algebra", "context": "Let a = 1.", "question": "What is a+1?", "solution": ["a+1 = 2"],
    "final_answer": ["2"], "is_multiple_answer": False, "unit": None, "answer_type": "Numerical", "error": None,
    "question_type": "Open-ended", "subject": "Math",
}  # fmt: skip
FORCES = {
    "id": "1/A", "description": "Add one.", "input_format": "A number.", "output_format": "A number.",
    "interaction_format": None, "note": None, "examples": [{"input": "1", "output": "2"}], "editorial": "n+1",
    "rating": 800, "tags": ["sums"], "official_tests": [{"input": "5", "output": "6"}],
    "official_tests_complete": True, "generated_checker": None,
}  # fmt: skip
SUBMISSION = {
    "problem-description": "Add one.", "input-specification": "A number.", "output-specification": "A number.",
    "demo-input": ["1"], "demo-output": ["2"], "code": "print(int(input())+1)", "verdict": "OK",
    "test_cases": [{"input": "1", "output": "2"}],
}  # fmt: skip
GPQA = {
    "Question": "What is 1+1?", "Correct Answer": "2\n", "Incorrect Answer 1": "1", "Incorrect Answer 2": "3",
    "Incorrect Answer 3": "4", "Explanation": "Count.", "Subdomain": "Sums", "High-level domain": "Physics",
}  # fmt: skip

ROWS: dict[str, tuple[list[dict[str, Any]], Expected]] = {
    "aime": (
        [{"ID": "1999-1", "Year": 1999, "Problem Number": 1, "Question": "1+1?", "Answer": "2", "Part": "I"}], ["2"]
    ),
    "aime-2022-2024": ([{"id": 1, **PLAIN, "url": "u"}], ["2"]),
    "aime24": ([{"id": 1, **PLAIN, "url": "u", "year": "2024"}], ["2"]),
    "aime25": ([{"problem": "1+1?", "answer": "2"}], ["2"]),
    "amc": ([{"id": 1, "problem": "1+1?", "answer": 2.0, "url": "u"}], ["2.0"]),
    "amc23": ([{"id": 1, **QA, "url": "u"}], ["2"]),
    "omni-math": ([{**PLAIN, "domain": ["Mathematics -> Algebra"], "difficulty": 4.5, "source": "made up"}], ["2"]),
    "numina-cot": (
        [{"problem": "1+1?", "solution": BOXED, "source": "olympiads", "messages": CHAT},
         {"problem": "Prove it.", "solution": "Done. $\\boxed{\\blacksquare}$", "source": "olympiads", "messages": []}],
        ["2", "\\blacksquare"],
    ),
    "numina-1.5": (
        [{**PLAIN, "answer": a, "problem_type": "Algebra", "question_type": "math-word-problem",
          "problem_is_valid": "Yes", "solution_is_valid": "No", "source": "olympiads", "synthetic": False}
         for a in ("2", "proof")]
        + [{**PLAIN, "solution": "No idea", "answer": "notfound", "problem_type": "Algebra",
            "question_type": "MCQ", "problem_is_valid": "Yes", "solution_is_valid": "Yes", "source": "olympiads",
            "synthetic": False}],
        ["2", "proof", None],
    ),
    "math": ([MATH, {**MATH, "level": "Level ?"}], ["2", "2"]),
    "math-openai": ([{**PLAIN, "subject": "Algebra", "level": 5, "unique_id": "a"}], ["2"]),
    "math500": ([{**PLAIN, "subject": "Algebra", "level": 5, "unique_id": "a"}], ["2"]),
    "minerva": ([QA], ["2"]),
    "gsm8k": ([{"question": "1+1?", "answer": "1+1=<<1+1=2>>2\n#### 2"}], ["2"]),
    "olympiad-bench": (
        [OLYMPIAD, {**OLYMPIAD, "final_answer": None, "question_type": "Theorem proof"}], ["2", "proof"]
    ),
    "openmathinstruct-2": (
        [{"problem": "What is 1+1?", "generated_solution": BOXED, "expected_answer": "2", "problem_source": "math"}],
        ["2"],
    ),
    "opencodereasoning": (
        [{"id": "1", "input": "Add one.", "output": "<think></think>", "source": "made up", "license": "mit",
          "dataset": "taco", "split": "train", "difficulty": "EASY", "solution": "print(2)"}],
        [None],
    ),
    "still-2": ([{"question": "What is 1+1?", "combined_text": "2", "domain": "physics"}], [None]),
    "still-3": ([{**QA, "messages": CHAT}], ["2"]),
    "still-3-rl-90k": ([{"prompt": CHAT[:1], "reward_model": {"ground_truth": "2", "style": "rule"}}], ["2"]),
    "deepscaler": ([PLAIN, {**PLAIN, "solution": ""}], ["2", "2"]),
    "big-math": (
        [{"problem": "1+1?", "answer": "2", "source": "HARP", "domain": ["Algebra"], "llama8b_solve_rate": 0.5}], ["2"]
    ),
    "olympic-arena": (
        [ARENA, {**ARENA, "language": "ZH"}, {**ARENA, "modality": "multi-modal"}],
        ["2", ("dropped", "other_language"), ("dropped", "needs_picture")],
    ),
    "agieval": (
        [{"passage": "Anna has one.", "question": "One more is?", "options": ["(A)1", "(B)2"], "label": "B",
          "answer": None, "solution": None, "level": None},
         {"passage": None, "question": "1+1?", "options": None, "label": None, "answer": "2", "solution": None,
          "level": 5}],
        ["B", "2"],
    ),
    "theorem-qa": (
        [{"Question": "1+1?", "Answer": "2", "Answer_type": "integer", "Picture": None},
         {"Question": "How many?", "Answer": "2", "Answer_type": "integer", "Picture": "bytes"}],
        ["2", ("dropped", "needs_picture")],
    ),
    "jee-bench": (
        [{"subject": "phy", "description": "made up", "gold": "AC", "index": 1, "type": "MCQ(multiple)",
          "question": "Which? (A) 2 (B) 3 (C) 1+1 (D) 5"}],
        ["A, C"],
    ),
    "gpqa": ([GPQA], ["D"]),
    "sci-eval": (
        [{"question": "Which? A. one B. two\n\nAnswer:", "answer": ["B"], "category": "physics", "type": "choice",
          "topic": "sums", "task_name": "SocraticQA"},
         {"question": "Withheld?", "answer": None, "category": "physics", "type": "choice", "topic": "sums",
          "task_name": "SocraticQA"}],
        ["B", ("dropped", "no_answer")],
    ),
    "xword": (
        [{"input": "### Clue: Made-up ant (3)", "output": "### Answer: ANT ### Explanation: it is there.",
          "instruction": "Solve."}],
        ["ANT"],
    ),
    "s1-prob": ([{"question": "What is 1+1?", "solution": BOXED}], ["2"]),
    "s1-teasers": ([{"Question": "What is 1+1?", "Answer": "2"}], ["2"]),
    "usaco": ([{"question": "Add one.", "input_output": IO, "difficulty": "bronze"}], [None]),
    "camel-biology": ([CAMEL], [None]),
    "camel-chemistry": ([CAMEL], [None]),
    "camel-physics": ([CAMEL], [None]),
    "riddle-sense": (
        [{"question": "Small?", "choices": {"label": ["B", "A"], "text": ["ant", "bear"]}, "answerKey": "B"}], ["B"]
    ),
    "taco": ([{**CODE, "url": "u"}], [None]),
    "taco-verified": ([CODE], [None]),
    "apps": ([{**CODE, "problem_id": 1, "url": "u", "starter_code": "class Solution:"}], [None]),
    "code-contests": (
        [{"name": "a", "description": text, "public_tests": {"input": ["1"], "output": ["2"]},
          "private_tests": {"input": [], "output": []}, "generated_tests": {"input": ["2"], "output": ["3"]},
          "solutions": {"language": [2, 3], "solution": ["int main", "print(2)"]}, "source": 2, "difficulty": 7}
         for text in ("Add one.", "See <image>.")],
        [None, ("dropped", "needs_picture")],
    ),
    "codeforces": ([FORCES, {**FORCES, "interaction_format": "ask"}], [None, ("dropped", "interactive")]),
    "codeforces-python": (
        [SUBMISSION, {**SUBMISSION, "verdict": "WRONG_ANSWER"}], [None, ("dropped", "not_accepted")]
    ),
    "live-code-bench": (
        [{"question_title": "Sum", "question_content": "Add one.", "platform": "leetcode", "question_id": "1",
          "contest_date": "2024-01-01", "starter_code": "", "difficulty": "hard",
          "public_test_cases": json.dumps([{"input": "1", "output": "2", "testtype": "stdin"}]),
          "private_test_cases": PRIVATE, "metadata": "{}"}],
        [None],
    ),
    "leetcode": (
        [{"task_id": "sum", "problem_description": "Add one.", "starter_code": "class Solution:",
          "completion": "return n+1", "entry_point": "Solution().add", "test": "def check(c):\n    assert c(1) == 2"}],
        [None],
    ),
    "s1k": ([{**S1, "solution": "2"}, {**S1, "solution": f"First we look. {BOXED} So it is."}], ["2", "2"]),
    "s1k-1.1": ([{**S1, "solution": "2"}], ["2"]),
    "s1-pool": ([{**S1, "solution": "2"}], ["2"]),
    "openthoughts-114k": (
        [{"problem": "1+1?", "ground_truth_solution": BOXED, "domain": "math", "source": "numina", "test_cases": None,
          "starter_code": None},
         {"problem": "Add one.", "ground_truth_solution": None, "domain": "code", "source": "apps", "test_cases": IO,
          "starter_code": None}],
        ["2", None],
    ),
    "openthoughts2": ([{"conversations": OLD_CHAT, "question": "1+1?", "source": "made up", "id": "1"}], [None]),
    "openthoughts3": ([{"difficulty": 7, "source": "made up", "domain": "math", "conversations": OLD_CHAT}], [None]),
    "openr1-math": (
        [{**PLAIN, "problem_type": "Algebra", "question_type": "math-word-problem", "source": "olympiads",
          "uuid": "u", "correctness_count": 2}],
        ["2"],
    ),
    "limo": ([{"question": "1+1?", "solution": "Wait, let me think … \\boxed{3}", "answer": "2"}], ["2"]),
    "limo-v2": ([{"question": "1+1?", "solution": "Wait … \\boxed{3}", "answer": "2"}], ["2"]),
}  # fmt: skip
