"""The public face of grading: methods, reasons, choices, gradable references."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cotkit.verify import gradable, grade
from cotkit.verify.pool import Pool


@pytest.mark.parametrize(
    ("response", "reference", "verdict", "method"),
    [
        (r"\boxed{\dfrac12}", r"\frac{1}{2}", "correct", "typed"),
        (r"\boxed{(3, -1)}", "(3,-1)", "correct", "exact"),
        ("7", "8", "incorrect", "typed"),
        (r"\boxed{\sqrt{8}}", r"2\sqrt{2}", "correct", "numeric"),
        ("(x+1)^2", "x^2+2x+1", "correct", "points"),
        (r"\sqrt{4x-400}", r"2\sqrt{x-100}", "correct", "symbolic"),
    ],
)
def test_each_rung_is_named(response: str, reference: str, verdict: str, method: str) -> None:
    with Pool(cpu_s=10) as pool:
        got = grade(reference, response, pool=pool)
    assert (got.value, got.method) == (verdict, method)


CHOICES = ["3", "7", r"\frac{1}{2}", "none of these"]


@pytest.mark.parametrize(
    ("response", "reference", "verdict"),
    [
        ("The answer is (C).", "C", "correct"),
        ("The answer is 0.5.", "C", "correct"),
        ("The answer is B.", "C", "incorrect"),
        ("The answer is 7.", "C", "incorrect"),
        ("(C)", r"\frac12", "correct"),
        ("(A)", r"\frac12", "incorrect"),
        ("(J)", r"\frac12", "undecided"),
        (r"\boxed{\text{(C) } 1/2}", "C", "correct"),
        ("D", "none of these", "correct"),
    ],
)
def test_choices(response: str, reference: str, verdict: str) -> None:
    assert grade(reference, response, choices=CHOICES).value == verdict


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (None, "empty"),
        ("  ", "empty"),
        ("None", "empty"),
        ("$$", "empty"),
        ("Proof", "proof"),
        ("$\\blacksquare$", "proof"),
        ("Q.E.D.", "proof"),
        ("∎", "proof"),
        ("见解析", "proof"),
        ("(a) 5 (b) 6", "multi_part"),
        ("a) the mass is 3 b) the speed is 4", "multi_part"),
        ("['3', '4']", "multi_part"),
        ("It depends on how the numbers were chosen", "prose"),
        (r"x^{\prime}+\frac{r}{V}x=0", None),
        ("\\frac{1}{2", "unparsable"),
        ("1/2x", None),
        ("x = = 2 /", "unparsable"),
        ("5", None),
        ("(1,1), (3,2)", None),
        (r"\text{Sunday}", None),
        (r"\text{two lines}", None),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", None),
        ("(-7, -4] \\cup (-1, 2]", None),
        ("C", None),
        ("120^{\\circ}", None),
        ("840\\text{ square inches}", None),
    ],
)
def test_gradable(reference: str | None, reason: str | None) -> None:
    assert gradable(reference) == reason


@pytest.mark.parametrize("reference", ["proof", "(a) 5 (b) 6", "nan", None, ""])
def test_what_cannot_be_graded_is_never_correct(reference: str | None) -> None:
    assert grade(reference, f"\\boxed{{{reference}}}").value == "undecided"


def test_importing_verify_does_not_import_sympy() -> None:
    code = "import sys, cotkit.verify as v; v.grade('0.5', '1/2'); print('sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_options_and_ordinals() -> None:
    options = ["6", "9", "12", "15"]
    assert grade("B", "\\boxed{B) 12}", choices=options).value == "undecided"
    assert grade("C", "\\boxed{C) 12}", choices=options).value == "correct"
    assert grade("B", "\\boxed{b}", choices=options).value == "correct"
    assert grade("B", "\\boxed{c}", choices=options).value == "incorrect"
    assert grade("12", "\\boxed{12^{th}}").value == "correct"
    assert grade("13", "\\boxed{12^{th}}").value == "incorrect"
