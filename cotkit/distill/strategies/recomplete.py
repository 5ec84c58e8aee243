"""Cut a right solution short, have it completed again and again, and walk the graph of all ways with wrong turnings.

The data method that the author of Steiner describes, after Peak-Reasoning-7B: truncate correct paths at random, let a
model complete them without the answer, merge equal steps into a graph, and sample paths that backtrack.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Role, Strategy, grade, unpaid
from cotkit.distill.strategies.shared.graph import ROOT, Graph, Ways
from cotkit.distill.strategies.shared.linearize import Trial, laid_out, thought
from cotkit.distill.strategies.shared.stepping import (
    Language,
    asked_after,
    closing,
    language,
    shared_prefix,
    stated,
    steps_of,
)

_GO_ON: Mapping[Language, str] = {
    "en": (
        "This is how far the solution goes. Continue it from there to the end, in short paragraphs with a blank line "
        "between them; do not repeat what is written. End with the final answer in \\boxed{}."
    ),
    "zh": (
        "解答写到这里为止。请从这里接着写到底，分成短段落，段落之间空一行，不要重复已写的内容，"
        "最后把答案放在 \\boxed{} 中。"
    ),
}
# Drawings for each trace that is wanted, before the graph counts as exhausted.
_DRAWS = 8


class TruncateRecomplete(Strategy):
    """From one right solution several long thoughts that leave it, find out, and come back."""

    by: Literal["truncate_recomplete"]
    completer: Role | None = Field(None, description="Who completes the cut solution; the teacher itself when unset.")
    cuts: int = Field(3, ge=1, le=16, description="Places at which the solution is cut, drawn at random.")
    completions: int = Field(2, ge=1, le=16, description="Completions of each cut solution.")
    paths: int = Field(
        3, ge=1, le=64, description="Traces that are built at most, no two the same; as many as select.per_problem."
    )
    backtracks: int = Field(2, ge=1, le=16, description="Wrong turnings in one trace at most; one at least.")
    keep_pruned: bool = Field(False, description="Keep wrong completions, too, as negatives that verify calls wrong.")

    uses_reference: ClassVar[bool] = True

    def roles(self) -> Mapping[str, Role]:
        return {"completer": self.completer} if self.completer else {}

    def counts(self) -> Sequence[Count]:
        most = self.cuts * self.completions
        if self.completer is None:
            return [Count("teacher", 1, 1 + most)]
        return [Count("teacher", 1, 1), Count("completer", 0, most)]

    def traces(self) -> int:
        return self.paths + (self.cuts * self.completions if self.keep_pruned else 0)

    def published(self) -> tuple[int, str]:
        return self.paths, "paths"

    def carried(self, role: str) -> float:
        return 1

    def play(self, case: Case) -> Play:
        if (dropped := unpaid(case.problem)) is not None:
            return dropped
        messages, lang = case.messages(), language(case.problem)
        (trunk,) = yield [Call(messages)]
        verdict = grade(case.problem, trunk.text) if trunk.done else "unfinished"
        steps = steps_of(trunk.text)
        if verdict != "correct" or len(steps) < 2:
            reason = f"solution_{verdict}" if verdict != "correct" else "too_few_steps"
            told = {"error": trunk.error} if trunk.error else {}
            lost = Attempt(trunk.reasoning, trunk.response, [trunk], status=trunk.status, kind=trunk.kind)
            return Played([_dropped(lost, reason, told)])
        graph = Graph()
        walked = graph.add(ROOT, steps)
        self._end(graph, walked[-1], verdict, trunk.text)
        places = sorted(case.rng.sample(range(1, len(steps)), min(self.cuts, len(steps) - 1)))
        role = "completer" if self.completer else "teacher"
        asked = [(cut, k) for cut in places for k in range(self.completions)]
        replies = yield [
            Call(asked_after(messages, steps[:cut], _GO_ON[lang]), role, "complete", sample=k) for cut, k in asked
        ]
        wrong: list[Attempt] = []
        for (cut, _), reply in zip(asked, replies, strict=True):
            judged = grade(case.problem, reply.text) if reply.done else "unfinished"
            more = steps_of(reply.text)
            if judged in ("correct", "incorrect") and more:
                end = graph.add(walked[cut - 1], more)[-1]
                self._end(graph, end, judged, reply.text)
            if judged != "correct":
                wrong.append(self._wrong(steps[:cut], reply, judged, lang))
        built = self._paths(graph, [trunk, *replies], case.rng, lang)
        if not built:
            built = [Attempt(None, None, [trunk], status="failed", reason="no_wrong_completion")]
        return Played([*built, *wrong], graph.dump())

    @staticmethod
    def _end(graph: Graph, number: int, verdict: str, text: str) -> None:
        """A place where equal last steps were judged differently is an end of no kind."""
        place = graph.places[number]
        place.end = verdict if place.end in (None, verdict) else "undecided"
        place.answer = stated(text)

    def _paths(self, graph: Graph, replies: Sequence[Reply], rng: random.Random, lang: Language) -> list[Attempt]:
        found: dict[str, Attempt] = {}
        ways = Ways(graph, rng)
        for _ in range(_DRAWS * self.paths):
            way = ways.draw(ROOT, "correct", set())
            trials = {} if way is None else self._trials(graph, ways, way, rng)
            if way is None or not trials:
                continue
            text, spans = laid_out(thought([(n, graph.places[n].text) for n in way], trials, rng, lang))
            first = next((str(one.reasoning) for one in found.values()), text)
            facts: dict[str, Any] = {**spans, "nodes": way, "shared_prefix": shared_prefix(first, text)}
            response = closing(graph.places[way[-1]].answer or "", lang)
            # Two that differ only in cotkit's own sentences are one.
            key = f"{way} {trials}"
            found.setdefault(key, Attempt(text, response, replies, facts=facts))
            if len(found) == self.paths:
                break
        return list(found.values())

    def _trials(self, graph: Graph, ways: Ways, way: Sequence[int], rng: random.Random) -> dict[int, list[Trial]]:
        """Wrong turnings at random places of a way, at most `backtracks`; each ends where no right end is left."""
        places = list(enumerate([ROOT, *way[:-1]]))
        found: dict[int, list[Trial]] = {}
        for index, place in rng.sample(places, len(places)):
            if len(found) == self.backtracks:
                break
            turning = ways.draw(place, "incorrect", set(way))
            lost = [k for k, number in enumerate(turning or ()) if "correct" not in ways.leads[number]]
            if turning is None or not lost:
                continue
            steps = [(number, graph.places[number].text) for number in turning]
            found[index] = [Trial(steps, lost[0])]
        return found

    def _wrong(self, before: Sequence[str], reply: Reply, verdict: str, lang: Language) -> Attempt:
        answer = stated(reply.text) if reply.done else None
        facts = {"completion": verdict, "shared_steps": len(before)}
        attempt = Attempt(
            "\n\n".join([*before, *steps_of(reply.text)]),
            None if answer is None else closing(answer, lang),
            [reply],
            status=reply.status,
            facts=facts,
            label="wrong" if verdict == "incorrect" else None,
        )
        if verdict == "incorrect" and self.keep_pruned:
            return attempt
        return _dropped(attempt, f"completion_{verdict}", facts)


def _dropped(attempt: Attempt, reason: str, evidence: Mapping[str, Any]) -> Attempt:
    return replace(attempt, reason=reason, evidence=evidence)
