"""The trim step: shorter traces that come to the same answer, verified again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit import records
from cotkit.curate.overthinking import (
    Solution,
    Thinking,
    clusters,
    means,
    outcome_efficiency,
    process_efficiency,
)
from cotkit.curate.segments import MAX_TEXT, Segment, segments
from cotkit.curate.spans import cut_spans
from cotkit.curate.tokens import TokenizerName, count_tokens, tokenizer_digest
from cotkit.records import Problem, Trace, Verdict
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.verify.extract import beside, extract_reference
from cotkit.verify.many import Pair, grade_many
from cotkit.verify.policy import Policy

Mode = Literal["first-correct", "first-correct+reflection", "diverse"]
TRIMMED = "trimmed"


@dataclass(frozen=True, slots=True)
class _Cut:
    """A graded trace with what was found in it; `end` is where its text is cut, None where it stays."""

    trace: Trace
    problem: Problem
    attempts: tuple[Segment, ...] = ()
    correct: tuple[bool, ...] = ()
    ways: tuple[int, ...] = ()
    end: int | None = None
    closing: str = ""
    fate: str = ""

    @property
    def text(self) -> str:
        return getattr(self.trace, place_of(self.trace)) or ""


class Trim(Step):
    """Cut a correct trace behind its first correct attempt, or behind a check of it, or before ways repeat.

    What stays is a prefix of the reasoning, and the response as it was. A trace that is all response gets a closing
    line with the answer in a box, in its own words. Each result is verified again; a trace that cannot be cut stays
    as it is, and overthinking.parquet says why: not_correct, not_finished, has_tests, no_reference, too_long,
    no_answer_found, no_correct_attempt, no_reflection, nothing_to_trim, not_verified.
    """

    step: Literal["trim"] = "trim"
    mode: Mode = Field(
        "first-correct+reflection",
        description="Where to cut: behind the first correct attempt; behind the next correct one after it; or behind "
        "the last correct one before an attempt that goes an earlier way again.",
    )
    policy: Policy = Field(default_factory=Policy, description="What counts as the same answer, as in verify.")
    tokenizer: TokenizerName | None = Field(
        None,
        description="Measures lengths and efficiencies in its tokens: a Hub id, or a path to a tokenizer.json or its "
        "folder (begin it with ./ or /); in characters when left out.",
    )

    room: ClassVar[str] = "select"
    reads: ClassVar[tuple[type, ...]] = (Trace, Problem, Verdict)
    writes: ClassVar[type] = Trace
    by_problem: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.trim",
        "cotkit.curate.segments",
        "cotkit.curate.segment_words",
        "cotkit.curate.sentences",
        "cotkit.curate.spans",
        "cotkit.curate.overthinking",
        "cotkit.curate.tokens",
        "cotkit.verify",
        "cotkit.records",
    )
    excluded: ClassVar[Mapping[str, str]] = {"tokenizer": "the digest of the tokenizer is in the key instead"}

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return {"tokenizer": tokenizer_digest(self.tokenizer)} if self.tokenizer is not None else {}

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        """Every trace comes out, in its order; none is dropped."""
        problems = {p.problem_id: p for p in records.rows(Problem, tables[Problem])}
        verdicts = {(v.problem_id, v.sample): v for v in records.rows(Verdict, tables[Verdict])}
        traces = records.rows(Trace, tables[Trace])
        nobody = Problem("", "")
        found = []
        with context.progress.task("trim", len(traces)) as task:
            for trace in traces:
                verdict = verdicts.get((trace.problem_id, trace.sample))
                found.append(_segmented(trace, problems.get(trace.problem_id, nobody), verdict))
                task.advance()
        cuts = _verified([_cut(cut, self.mode) for cut in _graded(found, self.policy)], self.policy)
        kept = [trimmed(cut.trace, cut.end, cut.closing, self.mode) for cut in cuts]
        thinking = self._thinking(cuts, kept)
        counted = sum(row.fate == TRIMMED for row in thinking)
        return StepOutput(
            kept=records.frame(Trace, kept),
            dropped=records.dropped_frame(tables[Trace], [], [], []),
            counters={TRIMMED: counted, "as they were": len(kept) - counted, **means(thinking)},
            secondary={"overthinking": records.frame(Thinking, thinking)},
        )

    def _thinking(self, cuts: Sequence[_Cut], kept: Sequence[Trace]) -> list[Thinking]:
        texts = [cut.text[s.start : s.end] for cut in cuts for s in cut.attempts]
        whole = [_whole(cut.trace) for cut in cuts] + [_whole(trace) for trace in kept]
        lengths = iter(self._lengths([*texts, *whole]))
        each = [[next(lengths) for _ in cut.attempts] for cut in cuts]
        before, after = ([next(lengths) for _ in cuts] for _ in range(2))
        unit = "characters" if self.tokenizer is None else "tokens"
        rows = []
        for number, cut in enumerate(cuts):
            solutions = [Solution(*parts) for parts in zip(each[number], cut.correct, cut.ways, strict=True)]
            first = next((n for n, s in enumerate(solutions, 1) if s.correct), None)
            rows.append(
                Thinking(
                    cut.trace.problem_id,
                    cut.trace.sample,
                    len(solutions),
                    first,
                    outcome_efficiency(solutions),
                    process_efficiency(solutions),
                    before[number],
                    after[number],
                    unit,
                    cut.fate,
                )
            )
        return rows

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        if self.tokenizer is None:
            return [len(text) for text in texts]
        return [count or 0 for count in count_tokens(texts, self.tokenizer)]


def place_of(trace: Trace) -> Literal["reasoning", "response"]:
    """Where the attempts are: in the reasoning; of a trace without one in the response."""
    return "reasoning" if (trace.reasoning or "").strip() else "response"


def trimmed(trace: Trace, end: int | None, closing: str, mode: str) -> Trace:
    """The trace with its text cut at `end` and the closing put behind; itself where `end` is None.

    The provider's token counts no longer hold, so they are kept in `provenance` alone; offsets into what is gone are
    taken out of it.
    """
    if end is None:
        return trace
    place = place_of(trace)
    text = getattr(trace, place) or ""
    told = {
        "mode": mode,
        "of": place,
        "kept": [0, end],
        "closing": [end, end + len(closing)],
        "length_before": len(text),
        "completion_tokens_before": trace.completion_tokens,
    }
    earlier = _object(trace.provenance)
    new = text[:end] + closing
    return replace(
        trace,
        reasoning=new if place == "reasoning" else trace.reasoning,
        response=new if place == "response" else trace.response,
        completion_tokens=None,
        reasoning_tokens=None,
        scores=None,  # they were those of the whole trace
        strategy="trim" if trace.strategy == "plain" else f"{trace.strategy}+trim",
        provenance=json.dumps({**cut_spans(earlier, end), "trim": told}, ensure_ascii=False, sort_keys=True),
    )


def _object(text: str) -> dict[str, Any]:
    """A file of a user may hold anything as `provenance`; what is no JSON object is kept as a text."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = text
    return found if isinstance(found, dict) else {"provenance": text}


def _whole(trace: Trace) -> str:
    return f"{trace.reasoning or ''}{trace.response or ''}"


def _segmented(trace: Trace, problem: Problem, verdict: Verdict | None) -> _Cut:
    """The attempts of a trace that may be trimmed; else why it stays."""
    cut = _Cut(trace, problem)
    text = cut.text
    if problem.tests:
        return replace(cut, fate="has_tests")
    if trace.status != "done" or not text.strip():
        return replace(cut, fate="not_finished")
    if extract_reference(problem.answer, problem.solution).answer is None:
        return replace(cut, fate="no_reference")
    if len(text) > MAX_TEXT:
        return replace(cut, fate="too_long")
    final = verdict.extracted if verdict is not None else None
    attempts = tuple(segments(text, problem.problem, final))
    ways = tuple(clusters([text[s.start : s.answered] for s in attempts]))
    right = verdict is not None and verdict.verdict == "correct"
    fate = "" if right else "not_correct"
    if all(s.answer is None for s in attempts):
        fate = fate or "no_answer_found"
    return replace(cut, attempts=attempts, ways=ways, fate=fate)


def _graded(cuts: Sequence[_Cut], policy: Policy) -> Iterator[_Cut]:
    """With the answer of each attempt graded; one that states none is not correct."""
    asked = [_pair(cut.problem, f"\\boxed{{{s.answer}}}") for cut in cuts for s in cut.attempts if s.answer is not None]
    verdicts = iter(grade_many(asked, policy=policy) if asked else ())
    for cut in cuts:
        correct = tuple(s.answer is not None and next(verdicts).value == "correct" for s in cut.attempts)
        yield replace(cut, correct=correct)


def _cut(cut: _Cut, mode: Mode) -> _Cut:
    if cut.fate:
        return cut
    right = [n for n, correct in enumerate(cut.correct) if correct]
    if not right:
        return replace(cut, fate="no_correct_attempt")
    last: int | None = right[0]
    if mode == "first-correct+reflection":
        last = right[1] if len(right) > 1 else None
    elif mode == "diverse":
        last = _last_new(cut.ways, right)
    if last is None:
        return replace(cut, fate="no_reflection")
    end = cut.attempts[last].answered
    closing = "" if place_of(cut.trace) == "reasoning" else f"\n\n\\boxed{{{cut.attempts[last].answer}}}"
    if end + len(closing) >= len(cut.text.rstrip()):
        return replace(cut, fate="nothing_to_trim")
    return replace(cut, end=end, closing=closing)


def _last_new(ways: Sequence[int], right: Sequence[int]) -> int:
    """The last correct attempt before one, behind the first correct one, that goes an earlier way again."""
    again = next((n for n in range(right[0] + 1, len(ways)) if ways[n] in ways[:n]), len(ways))
    return max(n for n in right if n < again)


def _verified(cuts: Sequence[_Cut], policy: Policy) -> list[_Cut]:
    """A cut is taken back where the text that is left, or the response, is not graded correct again."""
    asked: dict[int, list[Pair]] = defaultdict(list)
    for number, cut in enumerate(cuts):
        if cut.end is not None:
            asked[number].append(_pair(cut.problem, cut.text[: cut.end] + cut.closing))
            if place_of(cut.trace) == "reasoning":
                asked[number].append(_pair(cut.problem, beside(cut.trace.response or "", cut.trace.reasoning)))
    verdicts = iter(grade_many([p for pairs in asked.values() for p in pairs], policy=policy) if asked else ())
    found = []
    for number, cut in enumerate(cuts):
        again = [next(verdicts).value for _ in asked.get(number, ())]
        if cut.end is None:
            found.append(cut)
        else:
            right = all(value == "correct" for value in again)
            found.append(replace(cut, fate=TRIMMED) if right else replace(cut, end=None, fate="not_verified"))
    return found


def _pair(problem: Problem, response: str) -> Pair:
    reference = extract_reference(problem.answer, problem.solution).answer
    return Pair(reference, response, problem.problem, tuple(problem.choices or ()))
