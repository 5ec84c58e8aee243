"""Thought by templates: plan which ways of thinking a problem needs, look them up, carry them out one by one.

After ReasonFlux (arXiv 2502.06772); training its navigator is not ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from cotkit.config import LocalPath
from cotkit.distill.json_mode import an_object
from cotkit.distill.presets import Capability
from cotkit.distill.prompt import Message
from cotkit.distill.strategies import TEACHER, Attempt, Call, Case, Count, Play, Played, Reply, Role, Strategy
from cotkit.distill.strategies.shared.loose_json import first_object
from cotkit.distill.strategies.shared.stepping import Language, language
from cotkit.distill.strategies.shared.thinking import lost
from cotkit.distill.templates import Template, digest_of, index

PLAN: Mapping[Language, str] = {
    "en": (
        "Do not solve the problem yet. Plan how to solve it: which parts does the way to the answer have, and which "
        "known method does each part need? Answer with one JSON object and nothing else:\n"
        '{"plan": [{"goal": "what this part finds out", "method": "the method in general words, without this '
        "problem's numbers\"}, ...]}\n"
        "Take at most {rounds} parts. Backslashes inside JSON are written twice."
    ),
    # Templates are looked up by the method, and MiniLM reads English alone.
    "zh": (
        "先不要解题。请制定解题计划：通往答案的路由哪几部分组成，每一部分需要哪种已知的方法？"
        "只用一个 JSON 对象回答，不要写别的：\n"
        '{"plan": [{"goal": "这一部分要求出什么", "method": "the method in general words, in English, without this '
        "problem's numbers\"}, ...]}\n"
        "method 请用英文写，goal 用中文。最多 {rounds} 个部分。JSON 中的反斜杠要写两个。"
    ),
}
PART: Mapping[Language, str] = {
    "en": (
        "{done}Now do this part of the solution and no more: {goal}\n{method}\n"
        "Write it as one thinks aloud, with every calculation, and say what came out."
    ),
    "zh": "{done}现在只做解答的这一部分：{goal}\n{method}\n请像边想边说那样写，写出每一步计算，并说明得到了什么。",
}
FINISH: Mapping[Language, str] = {
    "en": (
        "{done}Now write the final solution for a reader who has not seen this work, and end with the answer in "
        "\\boxed{}."
    ),
    "zh": "{done}现在请为没有看过以上过程的读者写出完整的解答，最后把答案放在 \\boxed{} 中。",
}
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "done": "What has been done so far:\n\n%s\n\n",
        "method": "Method: %s",
        "helps": "This way of thinking may help (%s):",
    },
    "zh": {"done": "到目前为止的过程：\n\n%s\n\n", "method": "方法：%s", "helps": "下面的思路可能有帮助（%s）："},
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a plan and the template for it, if one is near enough."""

    goal: str
    method: str
    template: Template | None


class ByTemplate(Strategy):
    """Plan, look up a thought template for each part, carry the parts out, join them to one trace."""

    by: Literal["template"]
    library: LocalPath | None = Field(None, description="YAML or JSON file of templates; the shipped ones when unset.")
    rounds: int = Field(10, ge=1, le=50, description="Most parts that are carried out.")
    min_score: float = Field(
        0.3, ge=0, le=1, description="Least cosine of a part with its template (MiniLM); else it goes without one."
    )
    tries: int = Field(3, ge=1, le=10, description="How often a plan that is no such JSON is asked for.")
    json_mode: bool = Field(True, description="Ask for JSON by response_format; the planner must know it.")
    writer: Role | None = Field(None, description="Who carries the parts out; the teacher when unset.")

    excluded: ClassVar[Mapping[str, str]] = {"library": "the digest of the library stands for its path"}

    def needed(self) -> tuple[Capability, ...]:
        return ("json",) if self.json_mode else ()

    def materials(self) -> Mapping[str, str]:
        from cotkit.dedup.weights import weights_digest

        return {"templates": digest_of(self.library), "weights": weights_digest()}

    def roles(self) -> Mapping[str, Role]:
        return {} if self.writer is None else {"writer": self.writer}

    def counts(self) -> Sequence[Count]:
        if self.writer is None:
            return [Count(TEACHER, 1, self.tries + self.rounds + 1)]
        return [Count(TEACHER, 1, self.tries), Count("writer", 0, self.rounds + 1)]

    def play(self, case: Case) -> Play:
        replies: list[Reply] = []
        plan: list[tuple[str, str]] | None = None
        for number in range(self.tries):
            (reply,) = yield [self._plan(case, number)]
            replies.append(reply)
            if reply.status in ("failed", "filtered"):
                return Played([lost(reply, replies, "plan_failed")])
            plan = read_plan(reply.text)
            if plan is not None:
                break
        if plan is None:
            return Played([lost(reply, replies, "malformed_plan")])
        lang = language(case.problem)
        parts = [self._looked_up(goal, method, lang) for goal, method in plan[: self.rounds]]
        text, spans = "", list[list[int]]()
        for part in parts:
            (reply,) = yield [self._ask(case, PART[lang], text, part)]
            replies.append(reply)
            if not reply.done or not reply.text.strip():
                return Played([lost(reply, replies, "part_unfinished")])
            text += "\n\n" if text else ""
            spans.append([len(text), len(text) + len(reply.text)])
            text += reply.text
        (reply,) = yield [self._ask(case, FINISH[lang], text, None)]
        replies.append(reply)
        if not reply.done:
            return Played([lost(reply, replies, "answer_unfinished")])
        facts: dict[str, Any] = {
            "template_ids": [part.template.id if part.template is not None else None for part in parts],
            "part_spans": spans,
            "planned": len(plan),
        }
        return Played([Attempt(text, reply.response, replies, facts=facts)])

    def _looked_up(self, goal: str, method: str, lang: Language) -> Part:
        ((score, template),) = index(self.library).search(method if lang == "zh" else f"{method}. {goal}")
        return Part(goal, method, template if score >= self.min_score else None)

    def _plan(self, case: Case, number: int) -> Call:
        text = {"type": "string"}
        schema = an_object(plan={"type": "array", "items": an_object(goal=text, method=text)})
        messages = _after(case.messages(), PLAN[language(case.problem)].replace("{rounds}", str(self.rounds)))
        return Call(messages, purpose="plan", sample=number, json=schema if self.json_mode else None)

    def _ask(self, case: Case, instruction: str, text: str, part: Part | None) -> Call:
        words = _WORDS[language(case.problem)]
        done = words["done"] % text if text else ""
        if part is not None:
            instruction = instruction.replace("{goal}", part.goal).replace("{method}", _method(part, words))
        messages = _after(case.messages(), instruction.replace("{done}", done, 1))
        role = TEACHER if self.writer is None else "writer"
        return Call(messages, role=role, purpose="part" if part is not None else "answer")


def read_plan(text: str) -> list[tuple[str, str]] | None:
    """(goal, method) of each part of the first JSON object that is a plan with parts; None where there is none."""

    def plan(found: Mapping[str, Any]) -> list[tuple[str, str]] | None:
        entries = found.get("plan")
        if not isinstance(entries, list):
            return None
        parts = [(e.get("goal"), e.get("method")) for e in entries if isinstance(e, dict)]
        good = [(g.strip(), m.strip()) for g, m in parts if isinstance(g, str) and isinstance(m, str)]
        return [(g[:2_000], m[:2_000]) for g, m in good if g and m] or None

    return first_object(text, plan)


def _method(part: Part, words: Mapping[str, str]) -> str:
    template, method = part.template, words["method"] % part.method
    if template is None:
        return method
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(template.steps, 1))
    return f"{method}\n{words['helps'] % template.title}\n{steps}"


def _after(messages: Sequence[Message], text: str) -> list[Message]:
    *before, last = messages
    return [*before, {**last, "content": f"{last['content']}\n\n{text}"}]
