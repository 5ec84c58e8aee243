"""The recipe step: problems in, the teacher's traces out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.distill import asks
from cotkit.distill.engine import Tally
from cotkit.distill.guard import settings_text
from cotkit.distill.needs import missing
from cotkit.distill.presets import Capability
from cotkit.distill.prompt import Message, Prompt
from cotkit.distill.rounds import ONLY, Only, Pool, reads
from cotkit.distill.teacher import Batch, Budget, Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Consent, Told, distill_prompts
from cotkit.distill.until import Resampler, Until
from cotkit.errors import InputError
from cotkit.records import Problem, Trace, dropped_frame, frame
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.table import Counted

if TYPE_CHECKING:
    import polars as pl

    from cotkit.distill.estimate import Asking

JOURNAL_FILE = "journal.sqlite"


class Distill(Step):
    """Ask a teacher for reasoning traces. What was paid for lies in the journal and is never asked again."""

    step: Literal["distill"]
    teacher: Teacher = Field(description="Who is asked.")
    prompt: Prompt = Field(default_factory=Prompt, description="What it is told.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")
    samples: int = Field(1, ge=1, description="Answers asked for each problem.")
    until: Until | None = Field(
        None, description="Ask on, beyond `samples`, until so many answers of a problem are correct."
    )
    only: Only | None = Field(None, description=ONLY)
    needs: tuple[Capability, ...] = Field(
        (), description="What the teacher must be able to do; one that is known to lack it is refused."
    )
    budget: Budget | None = Field(None, description="Where the run stops by itself; it can be continued.")
    limits: Limits = Field(default_factory=Limits, description="How hard it is asked.")
    batch: Batch | None = Field(
        None, description="Ask through the provider's batch files instead of one by one; at half price with many."
    )
    journal: LocalPath | None = Field(
        None, description="The journal of paid answers; journal.sqlite in the run directory when unset."
    )

    room: ClassVar[str] = "distill"
    writes: ClassVar[type] = Trace
    code: ClassVar[tuple[str, ...]] = ("cotkit.distill", "cotkit.tags", "cotkit.records")
    excluded: ClassVar[Mapping[str, str]] = {
        **asks.exclusions("teacher"),
        **asks.BUDGET,
        **asks.BATCH,
        "needs": "it only decides which recipes are refused",
    }

    @property
    def reads(self) -> tuple[type, ...]:  # type: ignore[override]
        """Problems, and in a later round what the rounds before have made of them."""
        return reads(self.only)

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return asks.recordings({"recording": self.teacher})

    def code_modules(self) -> tuple[str, ...]:
        # With `until`, the grader decides how many attempts there are.
        grader = ("cotkit.verify",) if self.until is not None else ()
        reader = ("cotkit.verify.code",) if self.prompt.tells_form() else ()
        return (*self.code, *grader, *reader)

    def rows_in(self, tables: Mapping[type, Counted]) -> int | None:
        return tables[Problem].height * self.samples if self.until is None and self.only is None else None

    def check(self) -> list[str]:
        found = asks.ignored(self.teacher, self.sampling)
        found += missing(self.teacher, self.needs, self.teacher.extra_body)
        if self.unpriced_budget():
            found.append(
                f"budget.usd is set, but the price of {self.teacher.model} is unknown; give teacher.price, or "
                "a budget.tokens"
            )
        if self.until is not None and self.until.max < max(self.samples, self.until.correct):
            found.append("until.max is smaller than samples or until.correct; raise it")
        if self.until is not None and self.batch is not None:
            found.append("until asks again after each answer and a batch takes hours; leave one of them out")
        fixed_seed = self.sampling.seed is None or "seed" in self.teacher.ignores
        if self.samples > 1 and self.sampling.temperature == 0 and fixed_seed:
            found.append(
                f"samples is {self.samples} at temperature 0 without a seed, so every sample would be the same "
                "answer paid again; raise sampling.temperature or set samples to 1"
            )
        return found

    def unpriced_budget(self) -> bool:
        """A budget in dollars needs a price; is there none?"""
        return self.budget is not None and self.budget.usd is not None and self.teacher.unpriced()

    def ready(self) -> None:
        if self.teacher.replay is None:
            read_key(self.teacher)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        pool = None if self.only is None else Pool.of(tables)
        problems = tables[Problem] if pool is None else pool.problems
        must_be_unique(problems)
        told: dict[int, Told] = {}
        total = problems.height * self.samples
        resampler = None if self.until is None else Resampler(self.until, _references(problems), self.samples)
        known = total if resampler is None else 0
        with resampler or nullcontext(), context.progress.task("distill", known) as task:

            def hear(one: Told) -> None:
                told[one.index] = one
                task.advance(1, tokens=one.trace.completion_tokens or 0, usd=one.trace.cost_usd or 0.0)

            tally = distill_prompts(
                self.prompts(problems),
                self.teacher,
                self.sampling,
                self.limits,
                self.journal or context.run / JOURNAL_FILE,
                hear,
                self.samples,
                most=self.most,
                more=resampler,
                budget=self.budget,
                charged=self.prompts(problems),
                batch=self.batch,
                consent=Consent(
                    self.settings(),
                    confirmation(context),
                    f"up to {total:,} answers would be",
                ),
                note=context.progress.note,
            )
        output = _output([told[index] for index in sorted(told)], tally, resampler)
        return output if pool is None else pool.join(output)

    def settings(self) -> str:
        """What a user may have changed by mistake, see guard.must_agree."""
        correct = 1 if self.until is None else self.until.correct
        later = None if self.only is None else self.name
        return settings_text(self.teacher, self.sampling, self.prompt.systems(), correct, later=later)

    @property
    def most(self) -> int:
        """Most samples of one problem."""
        return self.samples if self.until is None else self.until.max

    def asking(self, problems: Sequence[Problem]) -> list[Asking]:
        """What `run` would ask about these problems, for an estimate."""
        from cotkit.distill.estimate import Asking

        prompts = list(self.prompts(frame(Problem, problems)))
        return [
            Asking(
                self.name,
                self.teacher,
                self.sampling,
                self.most,
                prompts,
                self.journal,
                batch=self.batch is not None,
                least=self.samples if self.only is None else 0,
                better="; --probe 20 asks a few to know better",
            )
        ]

    def prompts(self, problems: pl.DataFrame) -> Iterator[tuple[str, list[Message]]]:
        """(problem_id, messages) of each problem."""
        columns = ("problem_id", "problem", "choices", "domain", "tests")
        for name, problem, choices, domain, tests in problems.select(columns).iter_rows():
            yield name, self.prompt.about(problem, choices, domain, tests)


def must_be_unique(problems: pl.DataFrame) -> None:
    """Raises InputError where a problem_id stands more than once: one text would be paid for twice."""
    ids = problems["problem_id"]
    if ids.n_unique() == problems.height:
        return
    twice = ids.filter(ids.is_duplicated()).sort()
    raise InputError(
        f"{twice.n_unique()} problem_id(s) stand more than once in the problems to distill (such as {twice[0]}); "
        "add a dedup step before this one"
    )


def _references(problems: pl.DataFrame) -> dict[str, tuple[str | None, str, tuple[str, ...]]]:
    rows = problems.select("problem_id", "answer", "problem", "choices").iter_rows()
    return {name: (answer, problem, tuple(choices or ())) for name, answer, problem, choices in rows}


def confirmation(context: StepContext) -> Callable[[str], bool] | None:
    """Who is asked before something is paid anew: the user, if whoever shows the progress can ask."""
    confirm: Callable[[str], bool] | None = getattr(context.progress, "confirm", None)
    return confirm


def _output(told: Sequence[Told], tally: Tally, resampler: Resampler | None) -> StepOutput:
    traces = [one.trace for one in told]
    table = frame(Trace, traces)
    failures = {i: one.failure for i, one in enumerate(told) if one.failure is not None}
    evidence = [{"error": f.message, "http_status": f.http_status, "attempts": f.attempts} for f in failures.values()]
    counters: dict[str, float] = {
        "requests": tally.requests,
        "journaled": tally.journaled,
        "replayed": tally.replayed,
        "prompt_tokens": sum(t.prompt_tokens or 0 for t in traces),
        "completion_tokens": sum(t.completion_tokens or 0 for t in traces),
        **Counter(t.status for t in traces),
        **{f"attempts_{reason}": count for reason, count in sorted(tally.wasted.items())},
        **_money(traces),
    }
    secondary = {} if resampler is None else {"pass_rates": _pass_rates(resampler)}
    return StepOutput(
        kept=table[[i for i in range(len(told)) if i not in failures]],
        dropped=dropped_frame(table, list(failures), [f.reason for f in failures.values()], evidence),
        rows_in=len(told),
        counters=counters,
        incomplete=sum(f.passing for f in failures.values()),
        secondary=secondary,
    )


def _money(traces: Sequence[Trace]) -> dict[str, float]:
    """usd spent, usd of unfinished answers, and how many answers have no price; nothing where none has one."""
    priced = [t for t in traces if t.cost_usd is not None]
    if not priced:
        return {}
    unfinished = [t for t in priced if t.status != "done"]
    unpriced = sum(t.cost_usd is None and t.status != "failed" for t in traces)
    sums = {
        "usd": float(sum(Decimal(str(t.cost_usd)) for t in priced)),
        "usd_unfinished": float(sum(Decimal(str(t.cost_usd)) for t in unfinished)),
        "unpriced": unpriced,
    }
    return {name: value for name, value in sums.items() if value or name == "usd"}


def _pass_rates(resampler: Resampler) -> pl.DataFrame:
    """A row a problem: attempts, correct, incorrect, undecided, pass_rate."""
    import polars as pl

    rows = [(name, p.asked, p.correct, p.incorrect, p.undecided, p.pass_rate) for name, p in resampler.problems.items()]
    schema = {
        "problem_id": pl.String,
        "attempts": pl.Int64,
        "correct": pl.Int64,
        "incorrect": pl.Int64,
        "undecided": pl.Int64,
        "pass_rate": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
