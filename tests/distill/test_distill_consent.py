"""Settings that were changed are not paid for without a word; what changed nothing is not asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from distill_parts import FakeTeacher, Yes, problems, run_step, step

from cotkit.errors import RecipeError
from cotkit.steps import NoProgress

NAMES = [f"p{n}" for n in range(10)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"teacher": {"model": "other"}}, "model: m → other"),
        ({"prompt": {"system": "Be brief.", "user": "{problem}"}}, "system: unset → Be brief."),
        ({"sampling": {"temperature": 0.9}}, "sampling.temperature: unset → 0.9"),
        ({"sampling": {"max_tokens": 100}}, "sampling.max_tokens: unset → 100"),
        ({"teacher": {"extra_body": {"think": True}}}, "extra_body.think"),
        ({"samples": 3}, "samples: 1 → 3"),
    ],
)
def test_a_changed_setting_asks_before_paying(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with FakeTeacher() as server:
        run_step(step(server.url), problems(NAMES), tmp_path)
        changed = step(server.url, **change)
        # Nobody to ask: nothing is sent.
        with pytest.raises(RecipeError, match="nothing was sent: add --yes"):
            run_step(changed, problems(NAMES), tmp_path, NoProgress())
        no = Yes(False)
        with pytest.raises(RecipeError):
            run_step(changed, problems(NAMES), tmp_path, no)
        assert words in no.asked[0]
        assert server.asked == 10
        yes = Yes()
        run_step(changed, problems(NAMES), tmp_path, yes)
        assert (len(yes.asked), server.asked) == (1, 40 - 10 if "samples" in change else 20)
        # Once said, it holds; and going back costs nothing and asks nothing.
        run_step(changed, problems([*NAMES, "new"]), tmp_path)
        run_step(step(server.url), problems(NAMES), tmp_path)


def test_another_address_asks_too(tmp_path: Path) -> None:
    with FakeTeacher() as server, FakeTeacher() as other:
        run_step(step(server.url), problems(NAMES), tmp_path)
        with pytest.raises(RecipeError, match="base_url"):
            run_step(step(other.url), problems(NAMES), tmp_path)
        assert other.asked == 0


def test_what_changes_no_answer_asks_nothing(tmp_path: Path) -> None:
    with FakeTeacher() as server:
        run_step(step(server.url, samples=2), problems(NAMES), tmp_path)
        more = {"limits": {"concurrency": 3, "timeout_s": 9}, "teacher": {"price": {"input": 1, "output": 1}}}
        run_step(step(server.url, samples=2, **more), problems(NAMES[::-1]), tmp_path)
        run_step(step(server.url, samples=1), problems(NAMES), tmp_path)
        assert server.asked == 20
        # Edited and added problems are asked as they are: that is what they are for.
        run_step(step(server.url, samples=2), problems([*NAMES[:9], "p9, edited", "p10"]), tmp_path)
        assert server.asked == 24


def test_the_command_line_takes_yes(tmp_path: Path, cli: Any, jsonl: Any) -> None:
    jsonl("prompts.jsonl", [{"id": f"q{n}", "prompt": f"{n} + 1"} for n in range(5)])
    with FakeTeacher() as server:
        ask = ("distill", "prompts.jsonl", "--base-url", server.url, "--model", "m", "--out", "a.jsonl")
        assert cli(*ask).returncode == 0
        refused = cli(*ask, "--temperature", "0.5")
        assert refused.returncode == 2
        assert "sampling.temperature" in refused.stderr
        assert server.asked == 5
        assert cli(*ask, "--temperature", "0.5", "--yes").returncode == 0
        assert server.asked == 10
