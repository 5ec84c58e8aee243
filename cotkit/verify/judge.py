"""The judge step: a teacher decides what the rules left undecided, and what else of their verdicts it is asked about.

The one module of this room that asks a teacher; every answer lies in the distill journal and is paid once.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.distill import asks
from cotkit.distill.engine import Tally
from cotkit.distill.teacher import Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Told, distill_prompts
from cotkit.errors import InputError
from cotkit.records import Domain, Problem, Trace, Verdict, dropped_frame, frame, question, rows
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.verify import judge_prompt
from cotkit.verify.extract import beside, visible

if TYPE_CHECKING:
    from cotkit.distill.estimate import Asking

# The journal of the run's distill step, by its default name.
JOURNAL_FILE = "journal.sqlite"
# Where these are the rules' reasons, the extracted answer is a guess: the judge sees the end of the response.
_DOUBTFUL = ("answer_unclear",)
# Verdicts of the rules that the judge is asked about one by one; an audit draws from the others.
_OPEN: Mapping[str, tuple[str, ...]] = {
    "rescue": ("incorrect", "undecided"),
    "all": ("correct", "incorrect", "undecided"),
}
# For an estimate: an answer to be judged, and a usual judgement in tokens (a few words and a line).
_STAND_IN = "x" * 40
_USUAL_TOKENS = 60
_WHY = {"disagree-audit": "audit", "rescue": "rescue", "all": "all"}


@dataclass(frozen=True, slots=True)
class Case:
    """One question to a judge; `is_tail` where `candidate` is the end of a response and not an answer."""

    problem: str
    reference: str
    candidate: str
    is_tail: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """What came of one question.

    Attributes:
        verdict: correct, incorrect or undecided.
        reason: judge where its word was clear; else judge_unclear, or judge_ and why no answer came.
        reply: the judge's own words.
        usd: what the answer costs by the teacher's price, whenever it was paid.
        passing: whether a later run may get an answer where none came.
    """

    verdict: str
    reason: str
    reply: str | None
    request_hash: str
    usd: float | None = None
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A row of judged.parquet: every row that the judge was asked about, or could have been.

    Attributes:
        why: undecided; of a row that the rules had decided: audit, rescue or all.
        judge_verdict: None where it was not asked; `judge_reason` says why not.
        agreed: of a row that the rules had decided, whether both say the same; None where the judge is undecided.
    """

    problem_id: str
    sample: int
    why: str
    rule_verdict: str
    rule_method: str
    rule_reason: str
    judge_verdict: str | None
    judge_reason: str
    agreed: bool | None
    reply: str | None
    request_hash: str | None
    usd: float | None


class Judge(Step):
    """Ask a teacher about verdicts: those the rules left undecided, and by `when` others, too.

    A clear word of the judge replaces an undecided verdict. Verdicts of the rules stand where an audit disagrees;
    with `rescue` the judge may turn incorrect into correct, with `all` its clear word replaces any verdict.
    judged.parquet holds every case with both verdicts and the judge's own words.
    """

    step: Literal["judge"] = "judge"
    teacher: Teacher = Field(description="Who judges.")
    sampling: Sampling = Field(
        default_factory=Sampling, description="Sampling keys; unset ones are not sent. temperature 0 is best for most."
    )
    limits: Limits = Field(default_factory=Limits, description="How hard it is asked.")
    journal: LocalPath | None = Field(
        None, description="The journal of paid answers; journal.sqlite in the run directory when unset."
    )
    when: Literal["never", "undecided-only", "disagree-audit", "rescue", "all"] = Field(
        "undecided-only",
        description="never: ask nothing; undecided-only: what the rules left undecided; disagree-audit: also a "
        "seeded sample of what they decided, and report how often the judge agrees; rescue: also what they call "
        "incorrect, which the judge can turn into correct (OpenR1); all: every finished attempt, and the judge's clear "
        "word replaces theirs (s1, OpenThoughts).",
    )
    domains: tuple[Domain, ...] | None = Field(
        None, min_length=1, description="Ask only about problems of these domains; about all of them when unset."
    )
    audit: int = Field(100, ge=1, description="With disagree-audit: how many decided verdicts are checked.")
    prompt: LocalPath | None = Field(
        None,
        description="A text file to ask with instead of cotkit's own prompt, with {problem}, {reference} and "
        "{candidate} in it; the reply must end in a line `VERDICT: CORRECT`, `INCORRECT` or `UNDECIDED`.",
    )

    room: ClassVar[str] = "verify"
    reads: ClassVar[tuple[type, ...]] = (Verdict, Trace, Problem)
    writes: ClassVar[type] = Verdict
    alone: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = ("cotkit.verify", "cotkit.distill", "cotkit.tags", "cotkit.records")
    excluded: ClassVar[Mapping[str, str]] = {
        **asks.exclusions("teacher"),
        "prompt": "the digest of the file stands for its path",
    }

    @property
    def by_problem(self) -> bool:  # type: ignore[override]
        """An audit draws its sample from all verdicts."""
        return self.when != "disagree-audit"

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        found = asks.recordings({"recording": self.teacher})
        if self.prompt is not None:
            found["prompt"] = hashlib.sha256(load_template(self.prompt).encode()).hexdigest()
        return found

    def check(self) -> list[str]:
        return asks.ignored(self.teacher, self.sampling)

    def ready(self) -> None:
        if self.teacher.replay is None and self.when != "never":
            read_key(self.teacher)

    def asking(self, problems: Sequence[Problem], attempts: int, what: str = "") -> list[Asking]:
        """What it may be asked about so many attempts at each problem, for an estimate.

        How many verdicts the rules leave open is not known before: from none to all of them.
        """
        from cotkit.distill.estimate import Asking

        if self.when == "never":
            return []
        about = [p for p in problems if self.domains is None or p.domain in self.domains]
        fill = partial(judge_prompt.fill, judge_prompt.DEFAULT if self.prompt is None else load_template(self.prompt))
        texts = (fill(question(p.problem, p.choices), p.answer or "?", _STAND_IN, is_tail=False) for p in about)
        prompts = [(p.problem_id, [{"role": "user", "content": text}]) for p, text in zip(about, texts, strict=True)]
        least = attempts if self.when == "all" else 0
        told = what or self.name or self.step
        return [Asking(told, self.teacher, self.sampling, attempts, prompts, self.journal, _USUAL_TOKENS, least=least)]

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        """Every verdict comes out once, replaced where the judge decided it; none is dropped."""
        verdicts = rows(Verdict, tables[Verdict])
        asked, refused = self._cases(verdicts, tables, context.seed)
        with context.progress.task("judge", len(asked)) as task:
            rulings, tally = ask(
                list(asked.values()),
                self,
                self.journal or context.run / JOURNAL_FILE,
                lambda ruling: task.advance(1, usd=ruling.usd or 0.0),
            )
        found = dict(zip(asked, rulings, strict=True))
        kept = [self._after(v, found.get(i)) for i, v in enumerate(verdicts)]
        told = [
            _judged(v, found.get(i), refused.get(i), _WHY.get(self.when, "undecided"))
            for i, v in enumerate(verdicts)
            if i in found or i in refused
        ]
        counters = _counters(verdicts, kept, told, rulings, tally)
        if self.when == "disagree-audit":
            both = int(counters["agreed"] + counters["disagreed"])
            context.progress.note(
                f"judge: it agrees with the rules on {counters['agreed']:.0f} of {both} checked verdicts; "
                "judged.parquet has them all"
            )
        return StepOutput(
            kept=frame(Verdict, kept),
            dropped=dropped_frame(tables[Verdict], [], [], []),
            counters=counters,
            incomplete=sum(ruling.passing for ruling in rulings),
            secondary={"judged": frame(Judged, told)},
        )

    def _cases(self, verdicts: Sequence[Verdict], tables: Tables, seed: int) -> tuple[dict[int, Case], dict[int, str]]:
        """Row number -> what is asked, and row number -> why it is not, for the rows that this config is about."""
        traces = {(t.problem_id, t.sample): t for t in rows(Trace, tables[Trace])}
        problems = {p.problem_id: p for p in rows(Problem, tables[Problem])}
        asked: dict[int, Case] = {}
        refused: dict[int, str] = {}
        decided: dict[int, Case] = {}
        if self.when == "never":
            return asked, refused
        for i, verdict in enumerate(verdicts):
            problem = problems.get(verdict.problem_id)
            if self.domains is not None and (problem is None or problem.domain not in self.domains):
                continue
            case = case_of(verdict, traces.get((verdict.problem_id, verdict.sample)), problem)
            open_to_it = verdict.verdict in _OPEN.get(self.when, ("undecided",))
            if isinstance(case, Case):
                (asked if open_to_it else decided)[i] = case
            elif open_to_it:
                refused[i] = case
        if self.when == "disagree-audit":
            chosen = random.Random(f"{seed} {self.name or self.step}").sample(
                list(decided), min(self.audit, len(decided))
            )
            asked.update((i, decided[i]) for i in sorted(chosen))
        return asked, refused

    def _after(self, verdict: Verdict, ruling: Ruling | None) -> Verdict:
        """The row that goes on."""
        if ruling is None:
            return verdict
        if verdict.verdict != "undecided":
            is_clear = ruling.reason == "judge"
            rescues = self.when == "rescue" and ruling.verdict == "correct"
            if not (is_clear and (rescues or self.when == "all")):
                return verdict
        reason = f"{ruling.reason}; rules: {verdict.reason}"
        return replace(verdict, verdict=ruling.verdict, method="judge", reason=reason)


def case_of(verdict: Verdict, trace: Trace | None, problem: Problem | None) -> Case | str:
    """What to ask about a verdict, or why no judge can help: a short fixed word."""
    if trace is None or problem is None:
        return "no_problem"
    if trace.status != "done" or not (trace.response or "").strip():
        return f"trace_{trace.status}"
    reference = (verdict.reference or "").strip()
    if not reference or verdict.reason in ("reference_empty", "reference_proof"):
        return "no_reference"
    is_tail = verdict.extracted is None or verdict.reason in _DOUBTFUL
    text = (
        (visible(beside(trace.response or "", trace.reasoning)) or "") if is_tail else verdict.extracted or ""
    ).strip()
    if not text:
        return "no_answer"
    if is_tail:
        text = text[-judge_prompt.MAX_TAIL :]
    if max(len(text), len(reference)) > judge_prompt.MAX_ANSWER:
        return "too_long"
    asked = question(problem.problem, problem.choices)
    if any(map(judge_prompt.forged, (asked, reference, text))):
        return "forged_verdict"
    return Case(asked, reference, text, is_tail)


def ask(
    cases: Sequence[Case], judge: Judge, journal: Path, on_ruling: Callable[[Ruling], None] = lambda _: None
) -> tuple[list[Ruling], Tally]:
    """A ruling for every case, in order. Equal cases are asked once, and what `journal` holds is not asked at all.

    Raises TeacherError where the judge refuses for good, StorageError or InputError as distill_prompts.
    """
    template = judge_prompt.DEFAULT if judge.prompt is None else load_template(judge.prompt)
    rulings: list[Ruling | None] = [None] * len(cases)
    if not cases:
        return [], Tally()

    def hear(told: Told) -> None:
        ruling = rulings[told.index] = _ruling(told)
        on_ruling(ruling)

    texts = (judge_prompt.fill(template, c.problem, c.reference, c.candidate, c.is_tail) for c in cases)
    prompts = ((str(i), [{"role": "user", "content": text}]) for i, text in enumerate(texts))
    tally = distill_prompts(prompts, judge.teacher.for_answers(), judge.sampling, judge.limits, journal, hear)
    return [ruling for ruling in rulings if ruling is not None], tally


def load_template(path: Path) -> str:
    """Raises InputError for a prompt file that cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the judge's prompt cannot be read ({error}); check 'prompt'") from error
    missing = [part for part in (*judge_prompt.PLACEHOLDERS, "VERDICT:") if part not in text]
    if missing:
        raise InputError(f"{path}: the judge's prompt lacks {', '.join(missing)}; put it in")
    return text


def _ruling(told: Told) -> Ruling:
    trace, failure = told.trace, told.failure
    if failure is not None:
        return Ruling("undecided", f"judge_{failure.reason}", None, trace.request_hash, passing=failure.passing)
    said = judge_prompt.read_verdict(trace.response or "") if trace.status == "done" else None
    reason = "judge" if said is not None else "judge_unclear" if trace.status == "done" else f"judge_{trace.status}"
    return Ruling(said or "undecided", reason, trace.response, trace.request_hash, trace.cost_usd)


def _judged(verdict: Verdict, ruling: Ruling | None, refused: str | None, why: str) -> Judged:
    decided = verdict.verdict != "undecided"
    compared = decided and ruling is not None and ruling.verdict != "undecided"
    return Judged(
        problem_id=verdict.problem_id,
        sample=verdict.sample,
        why=why if decided else "undecided",
        rule_verdict=verdict.verdict,
        rule_method=verdict.method,
        rule_reason=verdict.reason,
        judge_verdict=ruling.verdict if ruling is not None else None,
        judge_reason=ruling.reason if ruling is not None else refused or "",
        agreed=ruling.verdict == verdict.verdict if compared and ruling is not None else None,
        reply=ruling.reply if ruling is not None else None,
        request_hash=ruling.request_hash if ruling is not None else None,
        usd=ruling.usd if ruling is not None else None,
    )


def _counters(
    before: Sequence[Verdict], kept: Sequence[Verdict], told: Sequence[Judged], rulings: Sequence[Ruling], tally: Tally
) -> dict[str, float]:
    """The verdicts as they go on, then what the judge did."""
    turned = Counter((rules.verdict, after.verdict) for rules, after in zip(before, kept, strict=True))
    verdicts, agreed = Counter(verdict.verdict for verdict in kept), Counter(row.agreed for row in told)
    counters: dict[str, float] = {
        **{name: verdicts[name] for name in ("correct", "incorrect", "undecided")},
        "judged": len(rulings),
        "not asked": len(told) - len(rulings),
        "agreed": agreed[True],
        "disagreed": agreed[False],
        "incorrect made correct": turned["incorrect", "correct"],
        "correct taken back": turned["correct", "incorrect"] + turned["correct", "undecided"],
        "unclear": sum(ruling.reason != "judge" for ruling in rulings),
        "requests": tally.requests,
        "journaled": tally.journaled,
        "replayed": tally.replayed,
    }
    costs = [ruling.usd for ruling in rulings if ruling.usd is not None]
    if costs:
        counters["usd"] = float(sum(Decimal(str(usd)) for usd in costs))
    return counters
