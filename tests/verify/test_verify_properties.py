"""What holds for every text: no exception, symmetry, boxes that come back."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cotkit.verify import extract_answer, gradable, grade
from cotkit.verify.clean import clean
from cotkit.verify.compare import ladder
from cotkit.verify.grade import grade_answer
from cotkit.verify.parse import parse
from cotkit.verify.read import read
from cotkit.verify.tokens import Unreadable
from cotkit.verify.tree import decode, encode

VERDICTS = {"correct", "incorrect", "undecided"}
PIECES = [
    *"0123456789xynie+-*/^_(){}[]|,;:=<>!%$.& '",
    *[r"\frac", r"\sqrt", r"\boxed{", r"\text{", r"\{", r"\}", r"\\", r"\left(", r"\right)", r"\pi", r"\infty"],
    *[r"\cup", r"\in", r"\le", r"\pm", r"\sin", r"\log", r"\binom", r"\begin{pmatrix}", r"\end{pmatrix}", r"\circ"],
    *[r"\overline{3}", "and", "or", "cm", "hours", "1,000", "<think>", "</think>", "####", "the answer is ", "½", "√"],
    *["²", "∞", "！", "答案是", r"\$", r"\%", r"\mathrm{e}", r"\lfloor", r"\rfloor", "sqrt", "p.m.", "10^9", "!"],
]
latex = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
anything = st.one_of(st.text(max_size=60), latex)
numbers = st.fractions(max_denominator=500).filter(lambda q: abs(q) < 10**6)


def verdict(answer: str, reference: str) -> str:
    return grade_answer(answer, reference, (), ladder()).verdict


@settings(max_examples=400, deadline=None)
@given(anything, anything)
@example("(" * 900, "1")
@example("|" * 900, "1")
@example("x" + "^2" * 900, "1")
@example("5\\text{}", "5")
@example("(1,2)%", "3")
@example("1" * 400 + ".55", r"\sqrt{2}")
@example("5_\\{", "3")
@example("٣/٤", "3")
@example("1" * 4500 + "/7", "3")
@example("0." + "1" * 5000 + "\\overline{3}", "3")
@example("3, 4 cm", "3")
@example("x=1=2 cm", "3")
@example("5^\\circ%", "5")
def test_grading_never_raises(response: str, reference: str) -> None:
    got = grade(reference, response)
    assert got.value in VERDICTS
    gradable(reference)


@settings(max_examples=300, deadline=None)
@given(latex, latex)
def test_comparison_is_symmetric(a: str, b: str) -> None:
    if gradable(a) is None and gradable(b) is None:
        assert verdict(a, b) == verdict(b, a)


@settings(max_examples=300, deadline=None)
@given(latex)
def test_a_gradable_answer_equals_itself(a: str) -> None:
    if gradable(a) is None:
        assert verdict(a, a) == "correct"


@settings(max_examples=200, deadline=None)
@given(st.text("ab12+ ${}\\", max_size=20).filter(clean))
def test_a_box_comes_back(inner: str) -> None:
    depth = low = 0
    for index, char in enumerate(inner):
        escaped = (index - len(inner[:index].rstrip("\\"))) % 2 == 1
        depth += 0 if escaped else (char == "{") - (char == "}")
        low = min(low, depth)
    trailing = (len(inner) - len(inner.rstrip("\\"))) % 2 == 1
    if depth == 0 and low == 0 and not trailing and inner.strip():
        assert extract_answer(f"Words. \\boxed{{{inner}}}.").answer == inner.strip()


def _forms(q: Fraction) -> list[str]:
    sign = "-" if q < 0 else ""
    top, bottom = abs(q.numerator), q.denominator
    forms = [
        f"{q.numerator}/{bottom}",
        rf"{sign}\frac{{{top}}}{{{bottom}}}",
        rf"{sign}\dfrac{{{3 * top}}}{{{3 * bottom}}}",
    ]
    if bottom == 1:
        forms += [f"{q.numerator:,}", f"{q.numerator}.0", f"${q.numerator}$", f"{q.numerator}\\text{{ cm}}"]
    elif top > bottom:
        forms += [rf"{sign}{top // bottom}\frac{{{top % bottom}}}{{{bottom}}}"]
    return forms


@settings(max_examples=200, deadline=None)
@given(numbers, numbers, st.data())
def test_numbers_are_equal_exactly_when_they_are(a: Fraction, b: Fraction, data: st.DataObject) -> None:
    x, y = data.draw(st.sampled_from(_forms(a))), data.draw(st.sampled_from(_forms(b)))
    assert verdict(x, data.draw(st.sampled_from(_forms(a)))) == "correct"
    assert (verdict(x, y) == "correct") == (a == b)


@settings(max_examples=100, deadline=None)
@given(st.lists(numbers, min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_order_counts_in_tuples_and_not_in_sets(items: list[Fraction], random: object) -> None:
    shuffled = items[::-1]
    texts = [", ".join(map(str, part)) for part in (items, shuffled)]
    assert verdict(rf"\{{{texts[0]}\}}", rf"\{{{texts[1]}\}}") == "correct"
    assert verdict(f"({texts[0]})", f"({texts[1]})") == "incorrect"


@settings(max_examples=200, deadline=None)
@given(latex)
def test_trees_survive_the_wire(text: str) -> None:
    try:
        nodes = parse(clean(text))
    except Unreadable:
        return
    for node in nodes:
        assert encode(decode(encode(node))) == encode(node)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_reading_never_raises(text: str) -> None:
    read(text)
