"""Examples made by hypothesis for the tests of formats: what `select` makes, with hostile text in it."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from hypothesis import strategies as st

from cotkit import records
from cotkit.records import Example, Message

TAGS = ["<think>", "</think>", "<think>\n", "\n</think>\n\n", "</think> <answer>", "<|im_end|>", "<|im_start|>answer\n"]
TAGS += [
    "<Thought>",
    "</Thought>\n<Output>\n",
    "\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n",
    "<answer>",
    "Answer:",
]
# Pieces of text, some of which are tags, so that a tag in the wrong place is met often.
pieces = st.lists(st.sampled_from(TAGS) | st.text(max_size=8) | st.sampled_from(["a", "\n", " ", "A. x"]), max_size=6)
texts = pieces.map("".join)
whole = texts.filter(lambda t: bool(t.strip()))

MADE: tuple[dict[str, Any], ...] = (
    {"strategy": "plain"},
    {"strategy": "star", "provenance": '{"saw_reference":true}', "saw_reference": True},
    {"strategy": "journey+trim", "provenance": '{"final":[0,1],"form":"journey"}'},
)


@st.composite
def examples(draw: st.DrawFn, sides: bool = False) -> pl.DataFrame:
    """A table of Examples: problems in order, each with one attempt or, with `sides`, several of both verdicts."""
    rows: list[Example] = []
    seen: set[str] = set()
    for number in range(draw(st.integers(1, 3))):
        problem = draw(whole)
        choices = draw(st.none() | st.lists(st.sampled_from(["x", "two\nlines", "B. y", ""]), min_size=1, max_size=3))
        identity = records.problem_id(problem, choices)
        if identity in seen:
            continue
        seen.add(identity)
        of_problem: dict[str, Any] = {
            "problem_id": identity,
            "problem": problem,
            "answer": draw(st.none() | whole),
            "pass_rate": draw(st.none() | st.sampled_from([0.25, 1.0])),
            "attempts": draw(st.integers(1, 4)),
            "domain": draw(st.sampled_from(["math", "code"])),
            "source": draw(whole),
            "source_row": number,
            "license": draw(st.none() | whole),
            "language": draw(st.sampled_from([None, "en"])),
            "metadata": json.dumps(draw(st.dictionaries(st.text(), st.integers() | st.text(), max_size=2))),
        }
        asked = records.question(problem, choices)
        for sample in range(draw(st.integers(1, 4)) if sides else 1):
            reasoning = draw(st.none() | texts.filter(bool))
            response = draw(whole)
            of_trace: dict[str, Any] = {
                "messages": [Message("user", asked), Message("assistant", response)],
                "reasoning": reasoning,
                "response": response,
                "verdict": draw(st.sampled_from(["correct", "incorrect", "undecided"])),
                "verdict_method": draw(whole),
                "teacher": draw(whole),
                "sample": sample if sides else draw(st.integers(0, 5)),
                "completion_tokens": draw(st.none() | st.integers(0, 99)),
                "reasoning_kind": "raw" if reasoning else "none",
                "scores": draw(st.none() | st.just([{"name": "cosine", "value": 1.5}, {"name": "x y", "value": -2.0}])),
            }
            made = draw(st.sampled_from(MADE))
            rows.append(Example(**of_problem, **of_trace, **made))
    return records.frame(Example, rows)
