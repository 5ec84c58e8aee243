"""Pairs on which graders fail, with the verdict that we want. One row: response, reference, verdict.

A response is a bare answer unless it says more. C correct, I incorrect, U undecided, N not correct
(incorrect and undecided are both honest).
"""

from __future__ import annotations

import gc
import time

import pytest

from cotkit.verify import grade
from cotkit.verify.pool import Pool

C, I, U, N = "correct", "incorrect", "undecided", "not correct"  # noqa: E741

PAIRS = [
    # numbers
    (r"\dfrac{1}{2}", "1/2", C),
    (r"\frac12", "0.5", C),
    ("0.333", "1/3", N),
    ("0.3", "1/3", I),
    (r"3\frac{1}{2}", "3.5", C),
    ("3 1/2", r"\frac{7}{2}", C),
    (r"-3\frac12", "-3.5", C),
    ("1,234,567", "1234567", C),
    (r"1{,}234", "1234", C),
    (r"1\,234\,567", "1234567", C),
    (r"4,\!989,\!600", "4989600", C),
    ("3.2e-5", r"3.2\times10^{-5}", C),
    (r"0.\overline{3}", r"\frac{1}{3}", C),
    (r"0.1\overline{6}", "1/6", C),
    ("033", "33", C),
    ("142.0", "142", C),
    ("23", "2300", I),
    ("2.8e-26", "2.3e-17", I),
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}", I),
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}", N),
    (r"\frac{2^{2005}+1}{3\cdot 2^{2006}}", r"\frac{1}{3\cdot 2^{2006}}", I),
    ("two", "2", C),
    ("-0", "0", C),
    ("204_5", "204_6", I),
    ("3120_4", "3120_{4}", C),
    # roots, constants, complex numbers
    (r"\sqrt{8}", r"2\sqrt2", C),
    (r"\frac{1}{\sqrt3}", r"\frac{\sqrt{3}}{3}", C),
    (r"\frac{665857}{470832}", r"\sqrt{2}", I),
    (r"\sqrt{2}+10^{-60}", r"\sqrt2", I),
    (r"\sqrt[3]{2+\sqrt5}", r"\frac{1+\sqrt5}{2}", C),
    (r"1-\frac{1}{\mathrm{e}}", r"1+\frac{1}{\mathrm{e}}", I),
    (r"e^{i\pi}", "-1", C),
    ("i(2-i)", "1+2i", C),
    (r"\tan 15^\circ", r"2-\sqrt{3}", C),
    (r"\sin 30", "1/2", U),
    (r"\log 100", "2", U),
    (r"e^{\pi\sqrt{163}}", "262537412640768744", I),
    # variables
    ("x**2+2*x+1", "(x+1)^2", C),
    (r"\cot x", r"\csc x", I),
    (r"\sin^2 x+\cos^2 x", "1", C),
    (r"k\pi", r"n\pi", U),
    (r"\sqrt{x^2}", "x", U),
    (r"42x\sqrt{5x}", r"42\sqrt{5x^3}", C),
    (r"\sqrt{1/n}", r"\frac{1}{\sqrt{n}}", C),
    ("f(2x)", "2f(x)", U),
    ("1/2x", r"\frac{x}{2}", C),
    ("1/2x", r"\frac{1}{2x}", C),
    ("1/2x", "2x", I),
    ("2x+1", "2x-1", I),
    ("p - q", "-q+p", C),
    # equations
    ("x=5", "5", C),
    ("5", "x = 5", C),
    ("y = x+2", "x+2", C),
    ("2x-y+2z-18=0", "-4x+2y-4z+36=0", C),
    ("3*x-1*y+13=0", "3x+4y+14=0", N),
    ("x=5", "y=5", U),
    ("xy=5", "5", C),
    ("2x=10", "10", N),
    (r"x=\frac{2}{4}=\frac12", "0.5", C),
    # units and money
    ("5 cm", "5", C),
    ("12{cm}", "12", C),
    ("15 cm", "15 m", N),
    (r"15\text{ cm}", r"15\text{ m}", I),
    (r"20\text{ cm}^2", r"20 \text{ square centimeters}", C),
    (r"20\text{ cm}^2", r"20 \text{ cm}^3", N),
    (r"\$30", "30", C),
    ("$30", r"\$30", C),
    ("€30", r"\$30", N),
    ("5 m", "5", C),
    ("2 hours", "120", U),
    (r"21\text{ dogs}", "21", C),
    ("5 maybe", "5", U),
    (r"90^\circ", "90", C),
    (r"90^{\circ}", r"\frac{\pi}{2}", C),
    ("50%", "0.5", C),
    ("0.001%", "0.001", I),
    (r"50\%", "50%", C),
    ("75", "0.75", I),
    ("4:30 p.m.", r"4\!:\!30\text{ p.m.}", C),
    ("4:30 p.m.", "4:30 a.m.", I),
    # collections
    (r"\{1,2,3\}", r"\{3,2,1\}", C),
    ("(1,2)", "(2,1)", I),
    ("4, 6", "6, 4", C),
    ("4, 6", "4, 6, 7", I),
    (r"3\pm\sqrt2", r"3-\sqrt2, 3+\sqrt2", C),
    ("[0,1)", "[0,1)", C),
    ("[0,1)", "(0,1)", I),
    ("[1,2]", "(1,2)", I),
    (r"0 \le x < 1", "[0,1)", C),
    (r"x\in[0,1)", "[0,1)", C),
    ("x>2", r"(2,\infty)", C),
    ("x<2 or x>5", r"(-\infty,2)\cup(5,\infty)", C),
    (r"(5,\infty)\cup(-\infty,2)", r"(-\infty,2)\cup(5,\infty)", C),
    (r"\emptyset", r"\varnothing", C),
    ("2,100", "2, 100", C),
    ("2,100", "2100", C),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1 & 2\\ 3 & 4\end{bmatrix}", C),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", I),
    ("3:4", "3:4", C),
    ("5 or 6", "5", U),
    ("5 or 6", "6 or 5", C),
    # letters and words
    (r"\text{(E)}", "E", C),
    ("(B)", "C", I),
    (r"\textbf{(C) } 12", "C", C),
    ("A", "7", U),
    (r"\text{even}", "Even", C),
    ("odd", r"\text{even}", I),
    ("a red house", "a blue house", U),
    # Unicode
    ("½", "0.5", C),
    ("3½", "7/2", C),
    ("√2", r"\sqrt{2}", C),
    ("x²−1", "(x-1)(x+1)", C),
    ("2π", r"2\pi", C),
    ("∞", r"\infty", C),
    ("3×4", "12", C),
    ("４２", "42", C),
    ("4\u200b2", "42", C),
    ("204₅", "204_5", C),
    ("答案是：４２", "42", C),
    # extraction
    ("<think>so \\boxed{4}</think>The answer is \\boxed{5}.", "5", C),
    ("<think>so \\boxed{5}</think>I do not know, sorry.", "5", U),
    ("<think>so it must be \\boxed{5}", "5", U),
    ("\\boxed{3} is wrong, so \\boxed{4}", "4", C),
    ("The roots are \\boxed{3} and \\boxed{4}", "4, 3", C),
    ("Either \\boxed{3} or \\boxed{4}", "4", U),
    ("The answer is 5 or 6.", "5", U),
    ("He has 3+4=7 apples.\n#### 7", "7", C),
    ("\\boxed{\\fbox{\\frac{1}{2}}}", "0.5", C),
    ("\\boxed{}", "5", U),
    ("\\boxed{5", "5", U),
    ("", "5", U),
    ("5", "", U),
    ("5", None, U),
    ("nan", "nan", U),
    ("proof", "proof", U),
    # hostile
    ("9^{9^{9^9}}", "5", N),
    ("9^{9^{9^9}}", "9^{9^{9^9}}", C),
    ("9^9^9^9", "9^9^9^8", N),
    ("(10^{10})!", "5", N),
    ("x^{10^{10}}", "x^{10^{10}+1}", N),
    (r"\binom{10^9}{10^8}", "5", N),
    ("2^{10^{100}}", "2^{10^{100}}+1", N),
    ("(" * 10_000 + "5" + ")" * 10_000, "5", C),
    ("{" * 10_000, "5", U),
    ("1" * 100_000, "1" * 99_999 + "2", I),
    ("1" * 100_000, "1" * 100_000, C),
    ("+".join(["1"] * 50_000), "50000", N),
    ("/".join(["1"] * 1_000), "1", N),
    ("x" + "!" * 1_000, "x", U),
    ("-" * 20_000 + "5", "5", C),
    (r"\sqrt{" * 3_000 + "1" + "}" * 3_000, "1", N),
    (r"\frac" * 5_000, "1", U),
    (r"\sin" * 2_000 + "x", "0", N),
    (r"\ln(" * 30 + "5" + ")" * 30, r"\ln(" * 29 + "5" + ")" * 29, N),
    ("1e999999999", "5", N),
    ("0." + "0" * 5_000 + "1", "0", N),
    (r"\int_0^{\infty} e^{-x^2} dx", r"\frac{\sqrt\pi}{2}", U),
    (r"\sum_{n=1}^{10^{12}} n", "5", I),
    ("__import__('os').system('touch /tmp/owned')", "5", N),
    (r"\boxed{__import__('os').environ}", "1", N),
    ("exec('1')", "exec('2')", N),
    ("S.Infinity", "oo", N),
    ("lambda: 5", "5", N),
    (r"\input{/etc/passwd}", "5", U),
    ("\x00", "5", U),
    ("\ud800", "5", U),
    ("$" * 20_001, "5", U),
]


def test_hostile_pairs_get_the_wanted_verdict_in_time() -> None:
    wrong = []
    with Pool(cpu_s=1.0) as pool:
        for response, reference, wanted in PAIRS:
            start = time.thread_time()  # of this process; the kernel ends a worker after its second
            got = grade(reference, response, pool=pool)
            took = time.thread_time() - start
            fine = got.value != C if wanted == N else got.value == wanted
            if not fine or took > 10:
                wrong.append((response[:60], (reference or "")[:60], wanted, got.value, got.reason, round(took, 2)))
    assert wrong == []


@pytest.mark.parametrize(("response", "reference", "wanted"), PAIRS)
def test_the_shared_worker_gives_the_same_verdict(response: str, reference: str | None, wanted: str) -> None:
    verdict = grade(reference, response).value
    assert verdict in ({I, U} if wanted == N else {wanted})


def test_the_garbage_of_the_process_around_is_not_charged_to_a_candidate() -> None:
    burned = []

    def burn(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2 and not burned:
            until = time.thread_time() + 0.6
            while time.thread_time() < until:
                pass
            burned.append(info)

    assert grade("5", "-" * 20_000 + "5").value == C
    before = gc.get_threshold()
    gc.freeze()
    gc.collect()
    gc.callbacks.append(burn)
    gc.set_threshold(50, 1, 1)
    try:
        verdict = grade("5", "-" * 20_000 + "5")
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(burn)
        gc.unfreeze()
    assert burned
    assert verdict.value == C


MANY = ",".join(rf"\{{{','.join(f'{k}{n}' for n in range(18))}\}}" for k in range(1, 19))
SLOW = [
    (rf"\{{{MANY}\}}", rf"\{{{MANY},1\}}"),
    ("a" + " " * 19_000 + "$5", "5"),
    (" " * 19_000 + "$" + " " * 900 + "5 -", "5"),
    ("+".join(rf"\sin({n}x)" for n in range(140)), "+".join(rf"\sin({n}x)" for n in range(139, -1, -1)) + "+0"),
    ("+".join(rf"\sqrt{{{n}}}" for n in range(150)), "+".join(rf"\sqrt{{{n}}}" for n in range(149, -1, -1)) + "+0"),
    ("+".join("1700!x" for n in range(300)), "300x(1700!)+1"),
    (r"\sqrt{x+" * 30 + "1" + "}" * 30, "2" + r"\sqrt{x+" * 30 + "1" + "}" * 30),
    ("e^{" * 20 + "x" + "}" * 20, "1+" + "e^{" * 20 + "x" + "}" * 20),
    (r"\text{" + "a " * 900, "5"),
    ("1" + " " * 1_900 + r"\text{", "5"),
    ("(1)" * 600, "1"),
    (r"\pm1" * 200, "5"),
]


@pytest.mark.parametrize(("response", "reference"), SLOW, ids=lambda text: f"{text[:12]}…")
def test_no_pair_takes_long_in_this_process(response: str, reference: str) -> None:
    start = time.thread_time()
    grade(response, reference)
    grade(reference, response)
    assert time.thread_time() - start < 4


def test_the_pairs_are_enough() -> None:
    assert len(PAIRS) >= 60
    assert sum(wanted == C for *_, wanted in PAIRS) >= 50
