"""The normal form: layout is folded, meaning is kept."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cotkit.dedup.exact import match_key, may_match
from cotkit.dedup.normal import normal_form, without_figures, words

SAME = [
    (r"$\dfrac{1}{2}$", r"\(\tfrac12\)"),
    (r"\frac{1}{2}", "1/2"),
    (r"\frac{x+1}{2}", "(x + 1)/2"),
    (r"\left( x^{2} \right)", "(x^2)"),
    (r"Find $x$.", r"find \[ x \]"),
    (r"$a\,b\;c\!d~e$", "a b c d e"),
    (r"$x \le 3 \text{ and } y \geq 2$", "x ≤ 3 and y >= 2"),
    (r"$\sin{x}$", r"\sin(x)"),
    (r"$10{,}000$", r"10,\!000"),
    (r"$1,000$", "1000"),
    (r"$60^{\circ}$", "60°"),
    (r"$\sqrt{2}$", "√2"),
    (r"$2 \cdot 3$", r"$2 \times 3$"),
    ("x²", "x^2"),
    ("ｘ＋１", "x+1"),
    (r"a \equiv b \pmod{7}", r"a ≡ b (mod 7)"),
    ("It’s John’s two-digit number!", "its  johns TWO digit number".replace("its", "it's").replace("johns", "john's")),
    (r"\begin{align*} x &= 1 \\ y &= 2 \end{align*}", "x = 1, y = 2"),
    (r"\mathrm{lcm}(a, b)", "lcm(a,b)"),
    (r"a base-\(8\) number", "a base-$8$ number"),
    (r"\frac{x}2 + \frac32", "frac{x}2 + frac32"),
    (r"$36 - 9\pi + b\pi$", "36-9pi+bpi"),
    (r"\binom{13}{5}", "C(13, 5)"),
    (r"-\frac{1}{2}", "-(1)/(2)"),
    (r"1070^{\circ}", "1070^(°)"),
    (r"12^{\prime}", "12^(prime)"),
    (r"\begin{cases} x & y \end{cases}", "begin{cases} x & y end{cases}"),
    (r"\lfloor\sqrt{3}\rfloor", "lfloorsqrt(3)rfloor"),
    (r"8x\equiv 1", "8xequiv 1"),
    (r"$\overline{AC}\perp\overline{CD}$", "AC perp CD"),
    ("$8! = 40320$", "$8!= 40320$"),
    ("$(n-1)! = 6$", "$(n-1)!=6$"),
    (r"$a \neq 5$", "a!=5"),
    ("a ≠ 5", "a != 5"),
    ("prob\u00adlem", "problem"),
    ("٣٤ + १२", "34 + 12"),
]
DIFFERENT = [
    ("x+1", "x-1"),
    (r"\sin x", r"\cos x"),
    ("1.5", "15"),
    ("1,2", "12"),
    ("5!", "5"),
    ("5! = 7", "5 != 7"),
    ("n! = 7", "n!=7"),
    ("f'(x)", "f(x)"),
    ("(1,-2)", "(1-2)"),
    ("3:2", "32"),
    ("x < 2", r"x \leq 2"),
    ("(x+1)/2", "x+1/2"),
    ("[0,1]", "(0,1)"),
    (r"\begin{vmatrix} 1 \end{vmatrix}", r"\begin{pmatrix} 1 \end{pmatrix}"),
    ("-3", "3"),
    ("x_12", "x_1 2"),
    ("10%", "10"),
    (r"0.\overline{7}", "0.7"),
    (r"\overline{z}", "z"),
    (r"\pi", r"\phi"),
    ("A(0, 6) and C(8, 0)", r"A(0, 6) and \binom{8}{0}"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_layout_is_folded(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_meaning_is_kept(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@given(
    st.text(alphabet=st.sampled_from(list("abxX09 .,!'-:+*/^_(){}[]$\\&|<>=%°²½πΣ\n")) | st.characters(), max_size=60)
)
@example("API")
@example("FRAC{1}{2} and \\BEGIN{cases}")
@example("BEGIN{CASES} x^{PRIME} XSQRT")
@settings(max_examples=400, deadline=None)
def test_normal_form_is_idempotent(text: str) -> None:
    once = normal_form(text)
    assert normal_form(once) == once


@given(
    st.lists(st.sampled_from([r"\frac", "{", "}", "12", "x", r"\text", r"\sqrt", " ", r"\left(", ")", "^", "sin", "!"]))
)
@settings(max_examples=400, deadline=None)
def test_normal_form_is_idempotent_on_latex(parts: list[str]) -> None:
    once = normal_form("".join(parts))
    assert normal_form(once) == once


@pytest.mark.parametrize(
    "piece", ["{", "\\frac", "\\frac{x", "1,", "\\begin{", "- ! : ", "[asy]", "sin(", "'", "9", "\\text{\\frac"]
)
def test_hostile_text_costs_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    normal_form(text)
    words(text)
    assert time.process_time() - start < 5


def test_drawings_are_taken_out_unless_nothing_else_is_there() -> None:
    assert without_figures("Find x. [asy] draw((0,0)); [/asy] Now.").split() == ["Find", "x.", "Now."]
    assert without_figures("Find x. [asy] never closed") == "Find x.  "
    assert without_figures("[asy] draw((0,0)); [/asy]") == "[asy] draw((0,0)); [/asy]"
    assert words("Find $(x+1)$. [asy] draw(7); [/asy]") == ["find", "x", "+", "1"]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (r"$\frac12 x^2$", "½ x²"),
        (r"$1{,}000 \hspace{3cm} + 5$", "1,000 + 5"),
        (r"$\sqrt[3]{8} = 2$ \label{eq:17}", "∛{8} = 2"),
        ("12 + 3", "12 + 3"),
    ],
)
def test_texts_of_one_match_key_may_match(here: str, there: str) -> None:
    assert match_key(here) == match_key(there)
    assert may_match(here, there)
    assert not may_match("Divide 12 by 3.", "Divide 12 by 4.")
