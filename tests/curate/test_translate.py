"""Translations: formulas byte-equal, answers unchanged, pairs that name each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cotkit.curate.translate import Translate
from cotkit.distill.scripted.scenario import Reply, Scenario
from cotkit.distill.scripted.server import ScriptedTeacher
from cotkit.records import Example, Message, frame
from cotkit.steps import NoProgress, StepContext, StepOutput

REASONING = (
    "Let us count the legs of all the animals on the farm. There are 12 cows, so $12\\cdot 4=48$ legs.\n\n"
    "Wait, the hens have legs as well, and there are 5 of them: $$5\\cdot 2=10$$\n\nSo altogether $58$."
)
# What a good translator makes of each paragraph; marks stand for formulas.
CHINESE = {
    "How many legs": "⟦1⟧ 农场里有 12 头牛和 5 只母鸡,请问它们一共有多少条腿呢?",
    "Let us count": "我们来数一数农场里所有动物的腿。一共有 12 头牛,所以它们有 ⟦1⟧ 条腿。",
    "Wait, the hens": "等等,母鸡也有腿,而且一共有 5 只母鸡,所以还要加上:⟦2⟧",
    "So altogether": "所以所有的动物一共有 ⟦3⟧ 条腿。",
    "The animals have": "所以农场里的动物一共有 ⟦1⟧ 条腿,这就是最后的答案。",
}


def example(**more: Any) -> Example:
    problem = "$n$ How many legs do the 12 cows and the 5 hens of a farm have altogether?"
    response = "The animals have \\boxed{58} legs altogether."
    keys: dict[str, Any] = {
        "problem_id": "p1", "problem": problem, "answer": "58", "reasoning": REASONING, "response": response,
        "messages": [Message("user", problem), Message("assistant", response)], "verdict": "correct", "attempts": 1,
        "verdict_method": "exact", "pass_rate": 1.0, "domain": "math", "source": "t", "source_row": 0, "license": None,
        "language": "en", "teacher": "m", "sample": 0, "completion_tokens": 70, "reasoning_kind": "raw",
    }  # fmt: skip
    return Example(**{**keys, **more})


def speak(body: Mapping[str, Any]) -> Reply:
    text = body["messages"][-1]["content"].split("\n\n", 1)[1]
    paragraphs = [next(zh for en, zh in CHINESE.items() if en in part) for part in text.split("\n\n")]
    return Reply(match="", content="\n\n".join(paragraphs))


def translate(
    tmp_path: Path,
    speak: Callable[[Mapping[str, Any]], Reply],
    examples: list[Example],
    fault: Any = None,
    progress: NoProgress | None = None,
    **keys: Any,
) -> tuple[StepOutput, list[str]]:
    with ScriptedTeacher(Scenario(thinks=False), speak=speak) as server:
        if fault is not None:
            server.fault(**fault)
        teacher = {"base_url": server.url, "model": "translator"}
        step = Translate.model_validate(
            {"to": "zh", "teacher": teacher, "limits": {"timeout_s": 60, "retries": 0}, **keys}
        )
        context = StepContext(seed=0, work=tmp_path, run=tmp_path, progress=progress or NoProgress())
        output = step.run({Example: frame(Example, examples)}, context)
        return output, [entry["body"]["messages"][-1]["content"] for entry in server.log.requests]


def test_a_row_and_its_translation_are_a_pair(tmp_path: Path) -> None:
    output, sent = translate(tmp_path, speak, [example()])
    english, chinese = output.kept.rows(named=True)
    assert (english["language"], chinese["language"]) == ("en", "zh")
    pairs = [json.loads(row["metadata"])["pair_id"] for row in (english, chinese)]
    assert pairs == ["p1:0", "p1:0"]
    assert chinese["problem_id"] != english["problem_id"]
    for part in ("problem", "reasoning", "response"):
        math = r"\$\$?[^$]+\$\$?|\\boxed\{58\}"
        assert re.findall(math, chinese[part]) == re.findall(math, english[part])
        assert "⟦" not in chinese[part]
    assert chinese["messages"][1]["content"] == chinese["response"]
    assert (chinese["reasoning_kind"], chinese["completion_tokens"]) == ("synthetic", None)
    assert english["reasoning_kind"] == "raw"
    assert (output.rows_in, output.counters["translated"], len(sent)) == (2, 1, 3)
    # No formula was ever within the teacher's reach.
    assert not any("cdot" in text or "boxed" in text for text in sent)


class Heard(NoProgress):
    def __init__(self) -> None:
        self.advanced: list[tuple[int, float]] = []

    def task(self, label: str, total: int) -> Any:
        return nullcontext(self)

    def advance(self, n: int = 1, **counters: float) -> None:
        self.advanced.append((n, counters.get("calls", 0)))


def test_the_bar_moves_with_each_answer_and_not_only_with_each_row(tmp_path: Path) -> None:
    heard = Heard()
    translate(tmp_path, speak, [example()], progress=heard)
    assert heard.advanced == [(0, 1), (0, 1), (0, 1), (1, 0)]


def test_without_originals_and_in_pieces(tmp_path: Path) -> None:
    long = example(reasoning=REASONING.replace("of all", "of " + "all " * 60 + "of"))
    output, sent = translate(tmp_path, speak, [long], originals=False, piece_chars=200)
    assert len(sent) == 4
    assert output.kept["language"].to_list() == ["zh"]
    assert output.kept["reasoning"][0].count("\n\n") == 2


def test_rows_of_that_language_stay_as_they_are(tmp_path: Path) -> None:
    output, sent = translate(tmp_path, speak, [example(language="zh")], originals=False)
    assert (output.kept.height, sent) == (1, [])


def spoiled(old: str, new: str) -> Callable[[Mapping[str, Any]], Reply]:
    return lambda body: Reply(match="", content=(speak(body).content or "").replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("⟦1⟧", "", "formulas_changed"),
        ("⟦1⟧", "⟦1⟧⟦1⟧", "formulas_changed"),
        ("⟦1⟧", "$12\\cdot 5=60$", "formulas_changed"),
        ("12 头牛", "13 头牛", "numbers_changed"),
        (CHINESE["The animals have"], "The animals of this farm have ⟦1⟧ legs altogether, I say.", "not_translated"),
        ("这就是最后的答案", "不对,应该是 \\boxed{60}", "answer_changed"),
    ],
)
def test_a_damaged_translation_falls_back_with_its_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    output, _ = translate(tmp_path, spoiled(old, new), [example()])
    assert output.kept["language"].to_list() == ["en"]
    assert "pair_id" not in output.kept["metadata"][0]
    assert output.dropped["reason"].to_list() == [reason]
    assert output.rows_in == 2


def test_a_damaged_piece_is_asked_for_again_alone(tmp_path: Path) -> None:
    seen: list[str] = []

    def once(body: Mapping[str, Any]) -> Reply:
        text = body["messages"][-1]["content"]
        first = "How many legs" in text and not any("How many legs" in s for s in seen)
        seen.append(text)
        return Reply(match="", content="没有") if first else speak(body)

    output, sent = translate(tmp_path, once, [example()])
    assert (output.kept.height, len(sent)) == (2, 4)


@pytest.mark.parametrize(("kind", "incomplete"), [("503", 1), ("filter", 0), ("length", 0)])
def test_what_does_not_come_is_told(tmp_path: Path, kind: str, incomplete: int) -> None:
    output, _ = translate(tmp_path, speak, [example()], fault={"kind": kind, "match": "legs"})
    assert (output.kept.height, output.dropped.height, output.incomplete) == (1, 1, incomplete)
