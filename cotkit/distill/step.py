"""The recipe step: problems in, the teacher's traces out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.distill import asks
from cotkit.distill.guard import settings_text
from cotkit.distill.needs import missing
from cotkit.distill.presets import Capability
from cotkit.distill.prompt import Message, Prompt
from cotkit.distill.rounds import ONLY, Only, Pool, reads
from cotkit.distill.rows import outputs, packed
from cotkit.distill.teacher import Batch, Budget, Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Consent, Told, distill_prompts
from cotkit.distill.until import Resampler, Until
from cotkit.errors import InputError
from cotkit.pile import Pile
from cotkit.records import Problem, Trace, frame
from cotkit.steps import Step, StepContext, StepOutput, gathered
from cotkit.table import Counted, Table

if TYPE_CHECKING:
    import polars as pl

    from cotkit.distill.estimate import Asking

JOURNAL_FILE = "journal.sqlite"
TOLD_FILE = "told.pile"


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

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        pool = None if self.only is None else Pool.of(tables)
        problems = tables[Problem] if pool is None else pool.problems
        must_be_unique(problems.columns(["problem_id"]))
        # Answers come in any order; the longest may come hours after the others.
        with Pile(context.work / TOLD_FILE) as told:
            made = self._ask(problems, told, context)
            yield from gathered(made() if pool is None else pool.join(made))

    def _ask(self, problems: Table, told: Pile, context: StepContext) -> Callable[[], Iterator[StepOutput]]:
        """Have every sample told; what gives the parts of the output."""
        total = problems.height * self.samples
        resampler = None if self.until is None else Resampler(self.until, _references(problems), self.samples)
        known = total if resampler is None else 0
        with resampler or nullcontext(), context.progress.task("distill", known) as task:

            def hear(one: Told) -> None:
                told.put(one.index, packed(one))
                task.advance(1, tokens=one.trace.completion_tokens or 0, usd=one.trace.cost_usd or 0.0)

            tally = distill_prompts(
                self.all_prompts(problems),
                self.teacher,
                self.sampling,
                self.limits,
                self.journal or context.run / JOURNAL_FILE,
                hear,
                self.samples,
                most=self.most,
                more=resampler,
                budget=self.budget,
                charged=self.all_prompts(problems),
                batch=self.batch,
                consent=Consent(
                    self.settings(),
                    confirmation(context),
                    f"up to {total:,} answers would be",
                ),
                note=context.progress.note,
            )
        return lambda: outputs(told, tally, resampler)

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

    def all_prompts(self, problems: Table) -> Iterator[tuple[str, list[Message]]]:
        """As `prompts`, some of the problems at a time."""
        return chain.from_iterable(map(self.prompts, problems.batches()))

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


def _references(problems: Table) -> dict[str, tuple[str | None, str, tuple[str, ...]]]:
    rows = problems.columns(["problem_id", "answer", "problem", "choices"]).iter_rows()
    return {name: (answer, problem, tuple(choices or ())) for name, answer, problem, choices in rows}


def confirmation(context: StepContext) -> Callable[[str], bool] | None:
    """Who is asked before something is paid anew: the user, if whoever shows the progress can ask."""
    confirm: Callable[[str], bool] | None = getattr(context.progress, "confirm", None)
    return confirm
