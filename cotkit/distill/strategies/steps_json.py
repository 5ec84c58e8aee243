"""Long thought out of a model that does not think: one step a call, as JSON, and the model says what comes next.

After g1 (bklieger-groq/g1), with two more ways to go on (reflect, backtrack: the action prompting of arXiv 2502.03373).
Unlike there, a call that fails fails the attempt: no error message becomes a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cotkit.distill.json_mode import an_object
from cotkit.distill.presets import Capability
from cotkit.distill.prompt import Message
from cotkit.distill.strategies import Attempt, Call, Case, Count, Play, Played, Reply, Strategy
from cotkit.distill.strategies.shared.loose_json import first_object
from cotkit.distill.strategies.shared.stepping import Language, language
from cotkit.distill.strategies.shared.thinking import lost

Action = Literal["continue", "reflect", "backtrack", "final"]

# What the pattern in the prompt holds; small models give it back instead of a step.
TITLE: Mapping[Language, str] = {"en": "what this step is about", "zh": "这一步做什么"}
CONTENT: Mapping[Language, str] = {
    "en": "the step itself, with its calculation, in full sentences",
    "zh": "这一步的具体内容，包括计算，用完整的句子",
}
SYSTEM: Mapping[Language, str] = {
    "en": (
        "You solve a problem one step at a time. Answer each time with one JSON object and nothing else:\n"
        f'{{"title": "{TITLE["en"]}", "content": "{CONTENT["en"]}", '
        '"next_action": ACTION}\n'
        "ACTION says what your next step will be, one of: {actions}.\n"
        "Take at least {least} steps. Look for a second way to the result, and doubt steps that were quick. "
        "Backslashes inside JSON are written twice."
    ),
    "zh": (
        "你一步一步地解题。每次只用一个 JSON 对象回答，不要写别的：\n"
        f'{{"title": "{TITLE["zh"]}", "content": "{CONTENT["zh"]}", '
        '"next_action": ACTION}\n'
        "ACTION 说明你的下一步要做什么，取下列之一：{actions}。\n"
        "至少写 {least} 步。请寻找得到结果的第二种方法，对做得太快的步骤要存疑。JSON 中的反斜杠要写两个。"
    ),
}
MEANING: Mapping[Language, Mapping[Action, str]] = {
    "en": {
        "continue": '"continue" (go on from here)',
        "reflect": '"reflect" (go over the steps so far and look for a mistake)',
        "backtrack": '"backtrack" (give up a step that led nowhere and take another way from before it)',
        "final": '"final" (nothing is left to do but to state the answer)',
    },
    "zh": {
        "continue": '"continue"（从这里继续）',
        "reflect": '"reflect"（检查前面的步骤，寻找错误）',
        "backtrack": '"backtrack"（放弃走不通的一步，从它之前换一条路）',
        "final": '"final"（只剩下写出答案）',
    },
}
# What is said before the next step, by what the model announced.
NEXT: Mapping[Language, Mapping[Action, str]] = {
    "en": {
        "continue": "Go on with the next step.",
        "reflect": "Go over your steps so far: is each of them right? Say what you checked and what you found.",
        "backtrack": "Say which step you give up and why, and take another way from before it.",
        "final": "It is too early for that: take another step first, and check what you have.",
    },
    "zh": {
        "continue": "请写下一步。",
        "reflect": "请检查前面的每一步是否正确，说明你检查了什么、发现了什么。",
        "backtrack": "请说明放弃哪一步、为什么放弃，并从它之前换一条路。",
        "final": "现在结束还太早：请再写一步，并检验已有的结果。",
    },
}
ANSWER: Mapping[Language, str] = {
    "en": (
        "Now write the final solution for a reader who has not seen your steps, in plain text and not in JSON, and end "
        "with the answer in \\boxed{}."
    ),
    "zh": "现在请为没有看过这些步骤的读者写出完整的解答，用普通文字，不要用 JSON，最后把答案放在 \\boxed{} 中。",
}


@dataclass(frozen=True, slots=True)
class Thinking:
    """One step as the model gave it."""

    title: str
    content: str
    action: Action


class StepsJson(Strategy):
    """Step by step as JSON until the model is done, then one plain answer."""

    by: Literal["steps_json"]
    min_steps: int = Field(3, ge=1, description="Fewest steps; an earlier end is not accepted.")
    max_steps: int = Field(26, ge=1, le=200, description="Most steps; g1 ends after 26.")
    actions: tuple[Action, ...] = Field(
        get_args(Action), description="What the model may announce; final is always among it."
    )
    tries: int = Field(3, ge=1, le=10, description="How often a step that is no such JSON is asked for.")
    step_tokens: int = Field(300, ge=16, description="Most tokens of a step.")
    answer_tokens: int = Field(1_200, ge=16, description="Most tokens of the answer.")
    json_mode: bool = Field(True, description="Ask for JSON by response_format; the teacher must know it.")
    titles: bool = Field(False, description="Put each step's title before it in the trace.")

    usual_tokens = 300

    @model_validator(mode="after")
    def _possible(self) -> StepsJson:
        if self.min_steps > self.max_steps:
            raise PydanticCustomError("steps", "min_steps is above max_steps")
        if "final" not in self.actions:
            raise PydanticCustomError("actions", "without the action final no attempt would ever end by itself")
        return self

    def needed(self) -> tuple[Capability, ...]:
        return ("json",) if self.json_mode else ()

    def first_sampling(self) -> Mapping[str, Any]:
        return {"max_tokens": self.step_tokens}

    def counts(self) -> Sequence[Count]:
        return [Count("teacher", 1, self.max_steps * self.tries + 1)]

    def carried(self, role: str) -> float:
        return self.max_steps / 2

    def play(self, case: Case) -> Play:
        lang = language(case.problem)
        messages = self._begin(case.messages(), lang)
        steps: list[Thinking] = []
        replies: list[Reply] = []
        retries = early = 0
        while len(steps) < self.max_steps:
            step: Thinking | None = None
            for number in range(self.tries):
                (reply,) = yield [self._call(messages, number)]
                replies.append(reply)
                if reply.status in ("failed", "filtered"):
                    return Played([self._fallen(reply, replies, "step_failed", steps)])
                step = read_step(reply.text, self.actions)
                if step is not None:
                    break
                retries += 1
            if step is None:
                return Played([self._fallen(reply, replies, "malformed_step", steps)])
            steps.append(step)
            messages = [*messages, {"role": "assistant", "content": reply.text}]
            if step.action == "final" and len(steps) >= self.min_steps:
                break
            early += step.action == "final"
            if len(steps) < self.max_steps:
                messages = [*messages, {"role": "user", "content": NEXT[lang][step.action]}]
        asked = [*messages, {"role": "user", "content": ANSWER[lang]}]
        (reply,) = yield [Call(asked, purpose="answer", sampling={"max_tokens": self.answer_tokens})]
        replies.append(reply)
        if not reply.done:
            return Played([lost(reply, replies, "answer_unfinished")])
        text, spans = self._joined(steps)
        facts: dict[str, Any] = {
            "steps": len(steps),
            "actions": [step.action for step in steps],
            "step_spans": spans,
            "capped": steps[-1].action != "final",
            "retries": retries,
            "early_ends": early,
        }
        return Played([Attempt(text, reply.response, replies, facts=facts)])

    def _begin(self, messages: Sequence[Message], lang: Language) -> list[Message]:
        actions = ", ".join(MEANING[lang][action] for action in dict.fromkeys(self.actions))
        told = SYSTEM[lang].replace("{actions}", actions).replace("{least}", str(self.min_steps))
        own = [m["content"] for m in messages if m["role"] == "system"]
        return [
            {"role": "system", "content": "\n\n".join([*own, told])},
            *(m for m in messages if m["role"] != "system"),
        ]

    def _call(self, messages: Sequence[Message], number: int) -> Call:
        text = {"type": "string"}
        schema = an_object(title=text, content=text, next_action={"enum": list(dict.fromkeys(self.actions))})
        wanted = schema if self.json_mode else None
        return Call(messages, purpose="step", sampling=self.first_sampling(), sample=number, json=wanted)

    def _fallen(self, reply: Reply, replies: Sequence[Reply], reason: str, steps: Sequence[Thinking]) -> Attempt:
        told = {"step": len(steps) + 1, "status": reply.status, "error": reply.error, "said": reply.text[:200]}
        text, _ = self._joined(steps)
        return Attempt(text or None, None, replies, status=reply.status, reason=reason, evidence=told)

    def _joined(self, steps: Sequence[Thinking]) -> tuple[str, list[list[int]]]:
        """The steps as one text, and where in it each of them is: [start, end]."""
        text, spans = "", list[list[int]]()
        for step in steps:
            text += "\n\n" if text else ""
            piece = f"{step.title}\n{step.content}" if self.titles and step.title else step.content
            spans.append([len(text), len(text) + len(piece)])
            text += piece
        return text, spans


def read_step(text: str, actions: Sequence[Action]) -> Thinking | None:
    """The first JSON object with some content and a next action that is allowed, whatever stands around it."""

    def step(found: Mapping[str, Any]) -> Thinking | None:
        content, action, title = (found.get(key) for key in ("content", "next_action", "title"))
        known: Action | None = next((a for a in actions if isinstance(action, str) and a == _plain(action)), None)
        if not isinstance(content, str) or not content.strip() or known is None or _same(content, CONTENT):
            return None
        told = title.strip() if isinstance(title, str) and not _same(title, TITLE) else ""
        return Thinking(told, content.strip(), known)

    return first_object(text, step)


def _same(text: str, patterns: Mapping[Language, str]) -> bool:
    return text.strip(" .。").casefold() in {pattern.casefold() for pattern in patterns.values()}


def _plain(action: str) -> str:
    """`Final_Answer` as `final`: g1's own word is widely known."""
    word = action.strip().casefold()
    return "final" if word in ("final_answer", "final answer") else word
