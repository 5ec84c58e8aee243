"""The translate step: chosen rows in another language, with formulas byte-equal and the answer unchanged.

As o1-journey part 2 made bilingual pairs of its reflective traces (arXiv 2411.16489). It stands after `select`, since a
translated trace needs its translated problem, and only chosen rows are worth the price. Formulas and code are put out
of the teacher's reach: it sees ⟦1⟧ in the place of each.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.curate.filters.language import language_of, probabilities
from cotkit.curate.spans import cut_spans
from cotkit.distill import asks
from cotkit.distill.asker import Asker, Ears
from cotkit.distill.converse import Ended, converse
from cotkit.distill.formulas import lost_numbers, mask, places, unmask
from cotkit.distill.guard import settings_text
from cotkit.distill.request import canonical
from cotkit.distill.room import Room
from cotkit.distill.step import JOURNAL_FILE, confirmation
from cotkit.distill.strategies import TEACHER, Attempt, Call, Play, Played, Reply, Role
from cotkit.distill.teacher import Budget, Limits, Sampling, Teacher, read_key
from cotkit.distill.traces import Consent
from cotkit.records import Example, Message, Trace, dropped_frame, frame, problem_id, provenance_of, rows
from cotkit.steps import Step, StepContext, StepOutput, Tables
from cotkit.table import Counted
from cotkit.verify import extract_answer, grade

if TYPE_CHECKING:
    import polars as pl

    from cotkit.distill.estimate import Asking

Code = Literal["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "tr", "vi", "zh"]
NAMES: Mapping[str, str] = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "hi": "Hindi", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip
ASK = (
    "Translate the text below into {language}. Keep its tone: where it doubts, hesitates or corrects itself, so does "
    "the translation. Keep marks such as ⟦1⟧ as they are, each exactly once, since they stand for formulas; keep "
    "numbers as digits, and the paragraphs. Write the translation and nothing else.\n\n"
)
# Fewer letters tell no language.
_LETTERS = 30
# For an estimate: a translation is about as long as its text.
_CHARACTERS_A_TOKEN = 3.5


@dataclass(frozen=True, slots=True)
class Piece:
    """Some paragraphs of one part of a row, with marks for its formulas."""

    part: str
    text: str


class Translate(Step):
    """Translate chosen rows: problem, reasoning and response. Both rows of a pair have the same metadata.pair_id.

    A row that cannot be had whole is dropped as "formulas_changed", "numbers_changed", "not_translated",
    "answer_changed" or "unfinished"; its original stays, with `originals`.
    """

    step: Literal["translate"] = "translate"
    to: Code = Field(description="Language to translate into.")
    teacher: Teacher = Field(description="Who translates.")
    sampling: Sampling = Field(default_factory=Sampling, description="Sampling keys; unset ones are not sent.")
    originals: bool = Field(True, description="Keep the originals beside their translations.")
    tries: int = Field(2, ge=1, le=10, description="How often a piece is asked for that comes back damaged.")
    piece_chars: int = Field(4_000, ge=200, description="Longest piece that is sent at once; a paragraph stays whole.")
    budget: Budget | None = Field(None, description="Where the run stops by itself; it can be continued.")
    limits: Limits = Field(default_factory=Limits, description="How hard it is asked.")
    journal: LocalPath | None = Field(
        None, description="The journal of paid answers; journal.sqlite in the run directory when unset."
    )

    room: ClassVar[str] = "select"
    reads: ClassVar[tuple[type, ...]] = (Example,)
    writes: ClassVar[type] = Example
    adds_rows: ClassVar[bool] = True
    alone: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.translate",
        "cotkit.curate.filters.language",
        "cotkit.curate.prose",
        "cotkit.curate.spans",
        "cotkit.distill",
        "cotkit.verify",
        "cotkit.records",
    )
    excluded: ClassVar[Mapping[str, str]] = {**asks.exclusions("teacher"), **asks.BUDGET}

    @property
    def by_problem(self) -> bool:  # type: ignore[override]
        """A budget is for all rows together."""
        return self.budget is None

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        return asks.recordings({"recording": self.teacher})

    def rows_in(self, tables: Mapping[type, Counted]) -> int | None:
        return None

    def check(self) -> list[str]:
        found = asks.ignored(self.teacher, self.sampling)
        if self.budget is not None and self.budget.usd is not None and self.teacher.unpriced():
            found.append(f"budget.usd is set, but the price of {self.teacher.model} is unknown; give teacher.price")
        return found

    def ready(self) -> None:
        if self.teacher.replay is None:
            read_key(self.teacher)

    def run(self, tables: Tables, context: StepContext) -> StepOutput:
        examples = {pair_of(e): e for e in rows(Example, tables[Example])}
        ended: dict[str, Ended] = {}
        foreign = {name: e for name, e in examples.items() if self._is_foreign(e)}
        role = {TEACHER: Role(teacher=self.teacher.for_answers(), sampling=self.sampling)}
        journal = self.journal or context.run / JOURNAL_FILE
        with context.progress.task(self.name or self.step, len(foreign)) as task:

            def hear(one: Ended) -> None:
                ended[one.problem_id] = one
                room.heard(one)
                task.advance(1)

            def heard(answer: Trace) -> None:
                task.advance(0, calls=1, tokens=answer.completion_tokens or 0, usd=answer.cost_usd or 0.0)

            settings = settings_text(
                self.teacher,
                self.sampling,
                None,
                strategy={"by": self.step, "role": self.to, "piece_chars": self.piece_chars},
            )
            expected = f"the translations of {len(foreign):,} rows would be"
            consent = {TEACHER: Consent(settings, confirmation(context), expected)}
            asker = Asker(role, self.limits, journal, self.budget, consent, Ears(context.progress.note, heard))
            room = Room(asker.left, self.limits)
            converse(((name, self.play(e)) for name, e in foreign.items()), asker, hear, room)
        kept: list[Example] = []
        lost: list[tuple[int, str, dict[str, Any]]] = []
        for number, (name, example) in enumerate(examples.items()):
            one = ended.get(name)
            reason, evidence = fate(one)
            if self.originals or one is None:
                kept.append(example if one is None or reason else _marked(example, {"pair_id": name}))
            if one is not None and one.played is not None and not reason:
                kept.append(self._translated(example, one.played.attempts[0]))
            elif one is not None:
                lost.append((number, reason, evidence))
        return self._output(tables[Example], kept, lost, ended, asker)

    def asking(self, examples: Sequence[Example], times: int | None = None) -> list[Asking]:
        """What `run` would ask about these rows, for an estimate.

        With `times` they stand for so many each that are not there yet, and may never be.
        """
        from cotkit.distill.estimate import Asking

        foreign = [parts_of(example) for example in examples if self._is_foreign(example)]
        pieces = [piece for texts in foreign for piece in self._pieces({k: mask(text) for k, text in texts.items()})]
        texts = [piece.text for piece in pieces if _letters(piece.text)]
        if times is None:  # equal pieces are one paid call
            texts = list(dict.fromkeys(texts))
        prompts = [(str(n), self._call(Piece("", text), 0).messages) for n, text in enumerate(texts)]
        usual = max(1, round(sum(map(len, texts)) / _CHARACTERS_A_TOKEN / max(1, len(texts))))
        least, each = (1, 1) if times is None else (0, times)
        what = self.name or self.step
        return [
            Asking(what, self.teacher, self.sampling, self.tries, prompts, self.journal, usual, least=least, times=each)
        ]

    def _is_foreign(self, example: Example) -> bool:
        """Whether it is to be translated; where its source names no language, its words tell."""
        text = f"{example.problem}\n\n{example.reasoning or ''}\n\n{example.response or ''}"
        return (example.language or language_of(text)) != self.to

    def play(self, example: Example) -> Play:
        """The pieces of a row, asked at once, and once more what came back damaged."""
        parts = {part: mask(text) for part, text in parts_of(example).items()}
        pieces = self._pieces(parts)
        done = {i: piece.text for i, piece in enumerate(pieces) if not _letters(piece.text)}
        made_of: list[Reply] = []
        faults: dict[int, tuple[str, dict[str, Any]]] = {}
        for number in range(self.tries):
            left = [i for i in range(len(pieces)) if i not in done]
            if not left:
                break
            replies = yield [self._call(pieces[i], number) for i in left]
            made_of += replies
            for i, reply in zip(left, replies, strict=True):
                fault = self._fault(pieces[i].text, reply)
                if fault is None:
                    done[i] = reply.text
                else:
                    faults[i] = (fault, {"part": pieces[i].part, "status": reply.status, "said": reply.text[:120]})
        for i, (reason, evidence) in faults.items():
            if i not in done:
                return Played([Attempt(None, None, made_of, reason=reason, evidence=evidence)])
        new: dict[str, str] = {}
        for part, (_, held) in parts.items():
            whole = unmask("\n\n".join(done[i] for i, piece in enumerate(pieces) if piece.part == part), held)
            if whole is None:
                return Played([Attempt(None, None, made_of, reason="formulas_changed", evidence={"part": part})])
            new[part] = whole
        answer = extract_answer(example.response or "").answer or example.answer
        asked = "\n\n".join(text for text in (new["problem"], new["options"]) if text)
        verdict = grade(answer, new["response"], question=asked).value
        if verdict != "correct":
            evidence = {"answer": answer, "verdict": verdict}
            return Played([Attempt(None, None, made_of, reason="answer_changed", evidence=evidence)])
        return Played([Attempt(new["reasoning"] or None, new["response"], made_of, facts=new)])

    def _pieces(self, parts: Mapping[str, tuple[str, Any]]) -> list[Piece]:
        return [Piece(part, text) for part, (masked, _) in parts.items() for text in self._cut(masked)]

    def _call(self, piece: Piece, number: int) -> Call:
        text = ASK.replace("{language}", NAMES[self.to]) + piece.text
        return Call([{"role": "user", "content": text}], purpose=piece.part, sample=number)

    def _cut(self, text: str) -> Iterator[str]:
        """Whole paragraphs, as many as fit."""
        held = ""
        for paragraph in text.split("\n\n") if text else []:
            if held and len(held) + len(paragraph) > self.piece_chars:
                yield held
                held = paragraph
            else:
                held = f"{held}\n\n{paragraph}" if held else paragraph
        if held:
            yield held

    def _fault(self, before: str, reply: Reply) -> str | None:
        if not reply.done:
            return "unfinished"
        after = reply.text
        if Counter(places(before)) != Counter(places(after)):
            return "formulas_changed"
        if lost_numbers(before, after):
            return "numbers_changed"
        if _letters(after) >= _LETTERS:
            found = probabilities(after[:4_000])
            return None if max(found, key=lambda code: found[code]) == self.to else "not_translated"
        return "not_translated" if after.strip() == before.strip() and _letters(after) > 3 else None

    def _translated(self, example: Example, attempt: Attempt) -> Example:
        new = attempt.facts
        asked = "\n\n".join(text for text in (new["problem"], new["options"]) if text)
        translated = replace(
            example,
            problem_id=problem_id(asked),
            problem=new["problem"],
            messages=[Message("user", asked), Message("assistant", new["response"])],
            reasoning=attempt.reasoning,
            response=attempt.response,
            reasoning_kind="none" if attempt.reasoning is None else "synthetic",
            language=self.to,
            completion_tokens=None,
            reasoning_tokens=None,
            response_tokens=None,
            strategy=f"{example.strategy}+translate",
            provenance=canonical(cut_spans(provenance_of(example.provenance), 0)),
        )
        return _marked(translated, {"pair_id": pair_of(example), "translated_by": self.teacher.model})

    def _output(
        self,
        table: pl.DataFrame,
        kept: Sequence[Example],
        lost: Sequence[tuple[int, str, dict[str, Any]]],
        ended: Mapping[str, Ended],
        asker: Asker,
    ) -> StepOutput:
        calls = [call for one in ended.values() for call in one.calls]
        usd = [call.cost_usd for call in calls if call.cost_usd is not None]
        return StepOutput(
            kept=frame(Example, kept),
            dropped=dropped_frame(table, [n for n, _, _ in lost], [r for _, r, _ in lost], [e for _, _, e in lost]),
            rows_in=len(kept) + len(lost),
            counters={
                "translated": len(ended) - len(lost),
                "calls": len(calls),
                "requests": asker.requests,
                "journaled": asker.journaled,
                "replayed": asker.replayed,
                "prompt_tokens": sum(call.prompt_tokens or 0 for call in calls),
                "completion_tokens": sum(call.completion_tokens or 0 for call in calls),
                **({"usd": sum(usd)} if usd else {}),
            },
            incomplete=sum(one.failure is not None and one.failure.passing for one in ended.values()),
        )


def pair_of(example: Example) -> str:
    """What a row and its translation have in common."""
    return f"{example.problem_id}:{example.sample}"


def parts_of(example: Example) -> dict[str, str]:
    """What is translated of a row; its options are what the user's turn has after the problem."""
    asked = next((m["content"] if isinstance(m, dict) else m.content for m in example.messages), "")
    options = asked.removeprefix(example.problem) if asked.startswith(example.problem) else ""
    return {
        "problem": example.problem,
        "options": options.strip(),
        "reasoning": example.reasoning or "",
        "response": example.response or "",
    }


def fate(ended: Ended | None) -> tuple[str, dict[str, Any]]:
    """Why there is no translation, and the evidence; "" where there is one, or none was asked for."""
    if ended is None:
        return "", {}
    if ended.failure is not None:
        return ended.failure.reason, {"error": ended.failure.message}
    attempt = ended.played.attempts[0] if ended.played is not None else None
    return (attempt.reason or "", dict(attempt.evidence)) if attempt is not None else ("unfinished", {})


def _marked(example: Example, marks: Mapping[str, str]) -> Example:
    told = json.loads(example.metadata)
    columns = told if isinstance(told, dict) else {"metadata": told}
    return replace(example, metadata=json.dumps({**columns, **marks}, sort_keys=True, ensure_ascii=False))


def _letters(text: str) -> int:
    return sum(c.isalpha() for c in text)
