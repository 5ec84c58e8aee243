"""Readers of the published sets that have columns of their own."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cotkit.curate.importers import Published, PublishedTrace, Unreadable
from cotkit.curate.importers.cells import item, items, optional, some, text, turns
from cotkit.curate.importers.shapes import trace

Row = Mapping[str, Any]
# The teachers of s1K-1.1's two columns (simplescaling/s1, README and data/gemini.py).
_S1_TEACHERS = {"gemini": "gemini-2.0-flash-thinking-exp", "deepseek": "deepseek-reasoner"}
# s1 keeps solutions and bare answers in one column; a bare answer is one short line.
_LONGEST_ANSWER = 80
_LONGEST_METADATA = 50_000


def s1(row: Row) -> Published:
    """s1K (one trace), s1K-1.1 (Gemini's and DeepSeek's, with grades), and cotkit's own s1 export."""
    traces = []
    used = {"question", "solution", "cot_type", "source_type", "cot", "text", "thinking_trajectories", "attempt"}
    attempt = optional(row, "attempt")
    if attempt is not None or items(row, "thinking_trajectories"):
        reasoning = "\n\n".join(t for t in items(row, "thinking_trajectories") if isinstance(t, str))
        traces.append(PublishedTrace(reasoning or None, attempt or ""))
    for who, teacher in _S1_TEACHERS.items():
        names = [f"{who}_{part}" for part in ("thinking_trajectory", "attempt", "grade", "grade_reason")]
        used |= set(names)
        reasoning, answer = (optional(row, name) or "" for name in names[:2])
        if reasoning or answer:
            said = {name: row[name] for name in names[2:] if row.get(name) is not None}
            traces.append(PublishedTrace(reasoning or None, answer, teacher, said=said))
    solution = optional(row, "solution")
    bare = solution if solution and len(solution) <= _LONGEST_ANSWER and "\n" not in solution else None
    columns = {"domain": row.get("cot_type"), "source": row.get("source_type")}
    columns["answer"] = row.get("answer") or bare or _answer_in(optional(row, "metadata"))
    return Published(text(row, "question"), tuple(traces), frozenset(used), solution, columns=columns)


def _answer_in(metadata: str | None) -> str | None:
    """The answer in s1's metadata, which is the printed form of a Python dict of plain values."""
    if not metadata or len(metadata) > _LONGEST_METADATA or not metadata.startswith("{"):
        return None
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        found = ast.literal_eval(metadata).get("answer")
        return str(found) if isinstance(found, str | int | float) and found != "" else None
    return None


def openthoughts_metadata(row: Row) -> Published:
    """The `metadata` config of OpenThoughts-114k, whose traces stand without tags."""
    one = PublishedTrace(optional(row, "deepseek_reasoning"), text(row, "deepseek_solution"), "deepseek-reasoner")
    used = ("problem", "deepseek_reasoning", "deepseek_solution", "ground_truth_solution", "test_cases")
    solution, tests = optional(row, "ground_truth_solution"), optional(row, "test_cases")
    return Published(text(row, "problem"), (one,), frozenset(used), solution, tests)


def openr1(row: Row) -> Published:
    """OpenR1-Math: several generations of R1 in one row, with what the set's graders said of each; and our `openr1`."""
    checks = ("correctness_math_verify", "correctness_llama", "finish_reasons", "is_reasoning_complete")
    ours = {"verdicts": "verdict", "verdict_methods": "verdict_method"} if "verdicts" in row else {}
    lists = {name: items(row, name) for name in (*checks, *ours)}
    samples, teachers = items(row, "samples"), items(row, "teachers")
    traces = []
    for number, generation in enumerate(some(row, "generations")):
        if not isinstance(generation, str):
            raise Unreadable(f"generation {number + 1} is no text")
        said = {
            ours.get(name, name): item(values, number)
            for name, values in lists.items()
            if item(values, number) is not None
        }
        found = trace(generation, said)
        closed = found.closed and said.get("is_reasoning_complete", True)
        own = {"sample": item(samples, number)} if samples else {}
        teacher = item(teachers, number) or ("" if ours else "DeepSeek-R1")
        traces.append(PublishedTrace(found.reasoning, found.response, str(teacher), closed=closed, said=said, own=own))
    used = {"problem", "generations", "messages", "solution", *checks}
    if ours:
        used |= {*ours, "samples", "teachers", "strategies", "saw_reference", "uuid", "correctness_count"}
    solution = optional(row, "solution")
    columns = {"solution": solution} if ours else {}
    # The turn as it was asked also has the options, which the problem alone has not.
    asked = turns(row, "messages")[0]["content"] if ours else text(row, "problem")
    return Published(asked, tuple(traces), frozenset(used), solution, columns=columns)


def limo(row: Row) -> Published:
    """LIMO: the `solution` is the trace, the `answer` the reference."""
    return Published(text(row, "question"), (trace(text(row, "solution")),), frozenset({"question", "solution"}))


def still(row: Row) -> Published:
    """STILL-2 (long_form_thought_data_5k): question and `combined_text` in the tags of OpenThoughts."""
    return Published(
        text(row, "question"), (trace(text(row, "combined_text")),), frozenset({"question", "combined_text"})
    )
