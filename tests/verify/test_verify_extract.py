"""Where the final answer of a response is found, and where it is not."""

from __future__ import annotations

import time

import pytest

from cotkit.verify import extract_answer
from cotkit.verify.extract import extract_reference

CASES = [
    (r"so \boxed{5}", "5", "boxed"),
    (r"\boxed{\frac{1}{2}} and done", r"\frac{1}{2}", "boxed"),
    (r"\fbox{\{1, 2\}}", r"\{1, 2\}", "boxed"),
    (r"\boxed 7", "7", "boxed"),
    (r"\boxed{1} and \boxed{2}", "1, 2", "boxed"),
    (r"$x=\boxed{1}$, $y=\boxed{2}$", "1, 2", "boxed"),
    (r"First I had \boxed{1}. That was careless. Now: \boxed{2}", "2", "boxed"),
    (r"\boxed{1} or \boxed{2}", "1 or 2", "boxed"),
    (r"\boxed{\boxed{3}}", r"\boxed{3}", "boxed"),
    (r"\boxed{4} then \boxed{5", "4", "boxed"),
    ("<answer> 5 </answer>", "5", "tag"),
    ("<answer>\\boxed{5}</answer>", "5", "boxed"),
    ("3 + 4 = 7\n#### 7", "7", "hashes"),
    ("#### 1,000\nsome words", "1,000", "hashes"),
    ("Therefore the answer is 5.", "5", "phrase"),
    ("The final answer is $\\frac{1}{2}$ because it halves.", "$\\frac{1}{2}$", "phrase"),
    ("**Final Answer:** 12", "12", "phrase"),
    ("Final answer:\n12", "12", "phrase"),
    ("The answer is 1.5. Thank you.", "1.5", "phrase"),
    ("The answer is 3. No wait, the answer is 4.", "4", "phrase"),
    ("The answer is $34\\text{ sq. in}$.", "$34\\text{ sq. in}$", "phrase"),
    ("Q: how many?\nA: 26", "26", "phrase"),
    ("所以答案是 42。", "42", "phrase"),
    ("So we pick\n\n(C)", "(C)", "letter"),
    ("So we pick\nB.", "B", "letter"),
    ("He pays 3 + 4 = 7.", "7", "trailing"),
    ("Hence $x = \\sqrt{2}$", "$x = \\sqrt{2}$", "trailing"),
    ("42", "42", "trailing"),
    ("x = 5", "x = 5", "trailing"),
    ("<think>\\boxed{1}</think>\\boxed{2}", "2", "boxed"),
    ("reasoning without an opening tag \\boxed{1}</think> It is \\boxed{2}", "2", "boxed"),
]


@pytest.mark.parametrize(("text", "answer", "method"), CASES)
def test_answer_and_method(text: str, answer: str, method: str) -> None:
    found = extract_answer(text)
    assert (found.answer, found.method) == (answer, method)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("", "empty"),
        ("<think>\\boxed{5}", "unclosed_reasoning"),
        ("<think>a</think> \\boxed{4} <think>\\boxed{5}", "unclosed_reasoning"),
        ("<think>the answer is 5</think>  ", "empty"),
        ("<think>\\boxed{5}</think>I am not sure about this one", "no_answer_stated"),
        ("a\n</think>\n\nb it is \\boxed{9}.a\n</think>\n\nb", "unclear_end_of_reasoning"),
        ("<think>a</think>\n7 is wrong</think>\n\n8", "unclear_end_of_reasoning"),
        ("\\boxed{}", "empty_box"),
        ("I do not know what to say about this", "no_answer_stated"),
        ("\\boxed{5", "unclosed_box"),
    ],
)
def test_no_answer_is_said_to_be_so(text: str, note: str) -> None:
    found = extract_answer(text)
    assert (found.answer, found.method, found.note) == (None, "none", note)


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 150_000,
        "\\boxed{" * 70_000 + "}" * 70_000,
        "}" * 1_000_000,
        "{" * 1_000_000,
        "<think>" * 150_000,
        "<answer>" * 120_000,
        "</answer>" * 120_000,
        "the answer is " * 70_000,
        "answer " * 150_000,
        "answer" + " " * 1_000_000,
        "#" * 1_000_000,
        "=" * 1_000_000,
        "$" * 1_000_000,
        "\\boxed 1, " * 100_000,
        "a" * 1_000_000,
        "1," * 500_000,
        "\\text{" * 150_000,
        "(" * 1_000_000,
    ],
    ids=lambda text: f"{text[:8]}…",
)
def test_a_megabyte_takes_linear_time(text: str) -> None:
    start = time.thread_time()
    extract_answer(text)
    extract_reference(None, text)
    assert time.thread_time() - start < 20  # quadratic, it would be hours


@pytest.mark.parametrize(
    ("answer", "solution", "wanted", "method"),
    [
        ("5", "\\boxed{6}", "5", "column"),
        ("\\boxed{5}", None, "5", "boxed"),
        ("three apples\n#### 3", None, "3", "hashes"),
        ("['$\\\\frac{9}{32}$']", None, "$\\frac{9}{32}$", "column"),
        ("['4', '4\\n']", None, "4", "column"),
        (" ", "so \\boxed{6}", "6", "boxed"),
        (None, "so 3\n#### 3", "3", "hashes"),
        (None, "The answer is 8.", "8", "phrase"),
        (None, "x = 8", None, "none"),
        (None, None, None, "none"),
    ],
)
def test_reference(answer: str | None, solution: str | None, wanted: str | None, method: str) -> None:
    found = extract_reference(answer, solution)
    assert (found.answer, found.method) == (wanted, method)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("\\boxed{7}\n\nWait, let me recheck. Actually, the answer is 8.", "taken_back"),
        ("\\boxed{7}\n**Final Answer:** 8", "two_answers"),
        ("\\boxed{7}\n#### 8", "two_answers"),
        ("The answer is not \\boxed{7}.", "denied_box"),
        ("Some would say \\boxed{7}, but the right value is 9.", "denied_box"),
        ("The form is like so, e.g. \\boxed{7}", "denied_box"),
        ("\\boxed{1} \\boxed{2} \\boxed{3} \\boxed{4}", "several_boxes"),
        ("Case 1: \\boxed{3}. Case 2: \\boxed{6}.", "several_boxes"),
    ],
)
def test_a_box_that_is_no_final_answer(text: str, note: str) -> None:
    found = extract_answer(text)
    assert (found.answer, found.note) == (None, note)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So \\boxed{7}. The answer is 7 cm.", "7"),
        ("\\boxed{7}.\n\nThus, the final answer is $7$.", "7"),
        ("\\boxed{3}, and after simplifying\n\\boxed{6}", "6"),
        ("\\boxed{7} \\boxed{7}", "7"),
    ],
)
def test_a_box_that_stays_the_final_answer(text: str, answer: str) -> None:
    assert extract_answer(text).answer == answer
