"""What carries a text (marks of lines, HTML, escapes, instructions) hides no leak, and look-alikes stay none."""

from __future__ import annotations

import html
import json
import resource
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotkit import records
from cotkit.dedup.boilerplate import shared_lines, without_edges, without_lines
from cotkit.dedup.leaks import decontaminate_table
from cotkit.dedup.plain import plain, plain_texts
from cotkit.dedup.step import Decontaminate, Dedup
from cotkit.records import Problem
from cotkit.steps import StepContext

ITEM = (
    "A gardener plants $n > 3$ rows of tulips. The first row has $\\frac{7}{2} \\cdot 4$ tulips & the numbers grow by "
    "$x^{2}$ from row to row, where $x \\neq 5$. After $11$ rows there are $k_{1} = 374$ tulips. Find the probability "
    "that a tulip picked blindly comes from the last row."
)
OTHERS = [
    "In a town live 24 people, of whom 5 own a bicycle. How many own none?",
    "A train leaves at 9:40 and arrives at 11:05. For how long does it travel?",
    "Solve $3x - 7 = 20$ for the real number $x$, please.",
    "The side of a square grows by 4. Its area grows by 56. Find the old side.",
    "Two dice are rolled. What is the chance that they show a sum of 9?",
    "What is the largest prime factor of $10^4 - 1$?",
    "Five friends shake hands, each with each. Count the handshakes.",
    "A rope of 18 metres is cut into pieces of 75 centimetres. How many are there?",
    "For which $k$ does $y = kx + 2$ touch the circle $x^2 + y^2 = 1$?",
]
HERE = StepContext(0, Path(), Path())
STEP = Decontaminate.model_validate({"step": "decontaminate", "benchmarks": ["math500"], "embedding": None})


def found(texts: Sequence[str], items: Sequence[str]) -> list[int]:
    """Numbers of the texts that hold an item."""
    made = [Problem(records.problem_id(t), t, source="pool", source_row=i) for i, t in enumerate(texts)]
    out = decontaminate_table(records.frame(Problem, made), {"bench": pl.DataFrame({"problem": items})}, STEP)
    return sorted(out.dropped["source_row"])


def lines(text: str) -> list[str]:
    return textwrap.wrap(text, 50, break_long_words=False, break_on_hyphens=False)


def tagged(text: str) -> str:
    text = html.escape(text, quote=False).replace("x^{2}", "x<sup>2</sup>").replace("k_{1}", "k<sub>1</sub>")
    return f"<div class='q'><p>{text}</p></div>".replace("gardener", "<b>gardener</b>").replace(". ", ".<br/>")


CARRIERS: dict[str, Callable[[str], str]] = {
    "quote": lambda t: "\n".join(f"> {line}" for line in lines(t)),
    "quote in a quote": lambda t: "He wrote:\n" + "\n".join(f">> {line}" for line in lines(t)) + "\nWhat now?",
    "comment": lambda t: "def f():\n" + "\n".join(f"    # {line}" for line in lines(t)) + "\n    pass",
    "slashes": lambda t: "\n".join(f"// {line}" for line in lines(t)),
    "block comment": lambda t: "/*\n" + "\n".join(f" * {line}" for line in lines(t)) + "\n */",
    "LaTeX comment": lambda t: "\n".join(f"% {line}" for line in lines(t)),
    "table": lambda t: "\n".join(f"| {line} |" for line in lines(t)),
    "one quoted line": lambda t: f"> {t}",
    "list": lambda t: "\n".join(f"- {part}" for part in t.split(". ")),
    "numbered": lambda t: "\n".join(f"{i}. {part}" for i, part in enumerate(t.split(". "), 1)),
    "line numbers": lambda t: "\n".join(f"{i}: {part}" for i, part in enumerate(lines(t), 17)),
    "list in a quote": lambda t: "\n".join(f"> * {part}" for part in t.split(". ")),
    "HTML": tagged,
    "pictures of formulas": lambda t: t.replace("$n > 3$", '<img src="a.png" class="latex" alt="$n > 3$">'),
    "escaped once": lambda t: json.dumps("\n".join(lines(t)))[1:-1],
    "escaped commands": lambda t: t.replace("\\", "\\\\"),
    "escaped commands in an instruction": lambda t: t.replace("\\", "\\\\") + " Answer in \\boxed{}.",
    "escaped breaks": lambda t: "\\n".join(lines(t)),
    "broken words": lambda t: t.replace("tulips", "tu-\nlips").replace("probability", "proba-\n  bility"),
    "soft hyphens": lambda t: t.replace("tulip", "tu\u00adlip").replace("row", "r\u200bo\u2060w"),
    "full width": lambda t: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in t.replace("\\", "\\ ")),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_carries_a_copy_does_not_hide_it(carrier: str) -> None:
    text = (
        ITEM
        if carrier != "full width"
        else ITEM.replace("\\cdot", "*").replace("\\frac{7}{2}", "7/2").replace("\\neq", ">")
    )
    other = text.replace("374", "385").replace("11", "12")
    carry = CARRIERS[carrier]
    assert found([carry(text), carry(other)], [text, *OTHERS[:3]]) == [0]


@pytest.mark.parametrize(
    "text",
    [
        "Is $x\n> 5$ or\n> 7 then?\nSay so.".replace("\n> 7", " > 7"),
        "Subtract:\n- 3x\n- 4",
        "Take the vector <x> and <y>.",
        r"Let $a \neq b$, $\nu = 3$ and $c \not= d$.",
        "\\begin{align*} a &= b \\\\ x &= y \\end{align*}",
        "The values are\n3. and\n7. in this order.",
        "a < b and c > d &c; x&y",
        "|x + 1| = |y|",
        "- 3 + 5 is what?",
    ],
)
def test_operators_and_commands_are_no_marks(text: str) -> None:
    assert plain(text) == text


def test_a_word_is_joined_only_where_it_is_known_in_one_piece() -> None:
    assert plain_texts(["a two-\ndigit num-\nber", "the number"])[0] == "a two-\ndigit number\n"


@given(st.text(alphabet=st.sampled_from(list(">|%#*-+ab1. \n\\n<p/>&lt;=\"'")), max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text: str) -> None:
    assert isinstance(plain(text), str)


@pytest.mark.parametrize(
    "piece", ["<a ", '<a b="', "&lt;", "\\\\n", "> \n", "1. a\n", "|", "a-\n", "<b x='1'", "/*\n", "\\\\"]
)
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    start = time.process_time()
    plain_texts([piece * (200_000 // len(piece))])
    assert time.process_time() - start < 5


PROMPT = " Let us think about it and put the final answer in a \\boxed{}."


@pytest.mark.parametrize("wrapper", ["", "Reason step by step, then write the answer in a box.", "Task 12 of 40."])
def test_an_instruction_that_a_benchmark_has_everywhere_is_not_compared(wrapper: str) -> None:
    items = [text + PROMPT for text in (ITEM, "What is $7^{12} - 3$?", *OTHERS)]
    texts = [f"{ITEM}\n{wrapper}", f"{wrapper}\n\nWhat is $7^{{12}} - 3$?", ITEM.replace("374", "385") + f"\n{wrapper}"]
    assert found(texts, items) == [0, 1]
    assert found([OTHERS[0].replace("24", "25") + PROMPT, f"Who was Euler? {PROMPT}"], items) == []


def test_shared_lines_are_learned_from_half_of_the_items() -> None:
    items = [f"{text}\nTime limit: {n} s\nGood luck to you." for n, text in enumerate(OTHERS)]
    shared = shared_lines(items)
    assert without_lines(items[4], shared) == OTHERS[4].replace(". ", ".\n")
    assert not shared_lines(items[:5])
    assert not shared_lines(
        [f"Mr. A has {n} red and blue balls in a box. He takes one and puts it back. Was it red?" for n in range(20)]
    ), "a template is no wrapper"


def test_edges_that_say_nothing_are_left_out_and_conditions_are_not() -> None:
    asked = "Draw the graph of all labels with an edge for each pair of coprime ones.\nHow many of its roots are met?"
    text = f"Tags: [trees]\n{asked}\nAssume that all are even.\nGood luck!"
    assert without_edges(text, "") == f"{asked}\nAssume that all are even."
    assert without_edges(text, "Good luck!").endswith("Good luck!")
    people = f"Three people sit down in a row of eight chairs.\n{asked}\nThey sit on red chairs, or $x$."
    assert without_edges(people, "") == people


LONG = (
    "You are given two integers $x$ and $y$ and a list of $n$ towns. Between some of the towns there are roads, and "
    "each road has a toll. A traveller begins in town $x$ and wants to reach town $y$ paying as little as possible, "
    "but no toll may be paid twice. Output two integers: the least sum and the number of roads on the way."
)


def test_other_labels_around_a_statement_do_not_hide_it() -> None:
    item = f"{LONG}\nTags:\n['shortest paths', 'sortings']\n"
    wrapped = f"Solve this competitive task in C++17.\n\n{LONG}\nMemory limit: 512 megabytes. Time limit: 3 seconds"
    assert found(
        [wrapped, wrapped.replace("two integers", "three integers"), wrapped.replace("least", "greatest")], [item]
    ) == [0]


def test_a_leak_among_the_copies_of_a_row_is_a_leak_of_the_row() -> None:
    retold = "Tulips stand in rows. The last of eleven rows: what part of all 374 is it?"
    rows = [
        Problem("a", retold, answer="7", source="pool", source_row=0, copies=[ITEM, "Another one."]),
        Problem("b", "What is 7 times 8?", source="pool", source_row=1, copies=["What is 8 times 7?"]),
    ]
    out = decontaminate_table(records.frame(Problem, rows), {"bench": pl.DataFrame({"problem": [ITEM]})}, STEP)
    assert out.dropped["source_row"].to_list() == [0]
    assert out.kept["copies"].to_list() == [None], "what was looked at is not carried on"


@given(st.permutations(range(5)))
@settings(max_examples=15, deadline=None)
def test_a_leak_that_goes_as_a_duplicate_takes_the_survivor_with_it(order: list[int]) -> None:
    asked = "How many squares are there on a board of 8 rows and 9 columns, if each side is at least 2 long?"
    texts = [
        f"Think hard. {asked} Put the answer in a box.",
        asked,
        "Find $x+1$ if $x=2$.",
        "find x + 1 if x = 2",
        asked.replace("8 rows", "7 rows"),
    ]
    made = [Problem(str(i), texts[i], answer="5" if i == 0 else None, source="pool", source_row=i) for i in order]
    once = Dedup(embedding=None).run({Problem: records.frame(Problem, made)}, HERE)
    kept = {row["source_row"]: row["copies"] for row in once.kept.iter_rows(named=True)}
    assert kept == {0: [asked], 2: ["find x + 1 if x = 2"], 4: None}
    # The survivor is hidden from the methods that look at it; its dropped copy is not.
    hidden = once.kept.with_columns(
        problem=pl.lit("A wholly other text of row ") + pl.col("source_row").cast(pl.String)
    )
    out = decontaminate_table(hidden, {"bench": pl.DataFrame({"problem": [asked]})}, STEP)
    assert out.dropped["source_row"].to_list() == [0]
    again = Dedup(embedding=None).run({Problem: once.kept}, HERE)
    assert again.kept["copies"].equals(once.kept["copies"]), "a second step keeps what the first one told"


def test_repeated_words_cost_the_sum_of_their_places() -> None:
    text = "word " * 40_000 + ITEM
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert found([text, "word " * 40_000], [text, ITEM]) == [0]
    assert time.process_time() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000


CHAIRS = "people sit down at random in a row of"
TAIL = "The probability that no two of them sit in adjacent chairs is $m/n$, where $m$ and $n$ are coprime. Find $m+n$."


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (f"Three {CHAIRS} nine chairs. {TAIL}", f"Three {CHAIRS} eight chairs. {TAIL}"),
        (f"Four {CHAIRS} eight chairs. {TAIL}", f"Three {CHAIRS} eight chairs. {TAIL}"),
        (
            "Positive real numbers $x$ and $y$ satisfy $2x+3y=24$. What is the maximum possible value of $xy^2$?",
            "Positive real numbers $x$ and $y$ satisfy $2x+3y=24$. What is the maximum possible value of $xy$?",
        ),
    ],
)
def test_what_is_changed_at_an_end_of_an_item_still_counts(text: str, item: str) -> None:
    others = [f"{other} {TAIL}" for other in OTHERS[:3]]
    assert found([text], [item, *others]) == []
    assert found([f"Please solve this.\n{item}\nThank you."], [item, *others]) == [0]
