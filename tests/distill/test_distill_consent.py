"""Settings that were changed are not paid for without a word; what changed nothing is not asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from distill_parts import FakeTeacher, Yes, ask, problems, run_step, step

from cotkit.distill.ask_file import Job, ask_file
from cotkit.distill.recording import export_journal, import_recording, load_recording
from cotkit.distill.teacher import Limits, Sampling, Teacher
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


def test_answers_from_elsewhere_are_not_paid_anew_under_other_settings(tmp_path: Path) -> None:
    """A recording has no settings beside it: its requests tell them."""
    journal, moved = tmp_path / "journal.sqlite", tmp_path / "moved"
    moved.mkdir()
    with FakeTeacher() as server:
        run_step(step(server.url, sampling={"temperature": 0.6}), problems(NAMES), tmp_path)
        export_journal(journal, tmp_path / "r.gz", provenance={"model": "m"})
        import_recording(load_recording(tmp_path / "r.gz"), moved / "journal.sqlite")
        hot = step(server.url, sampling={"temperature": 0.9})
        with pytest.raises(RecipeError, match="nothing was sent"):
            run_step(hot, problems(["fresh", *NAMES]), moved)
        same = step(server.url, sampling={"temperature": 0.6})
        run_step(same, problems(["fresh", *NAMES]), moved)
        assert server.asked == 11
        # A run that sends nothing says what the answers were given under, too.
        other = tmp_path / "other"
        other.mkdir()
        import_recording(load_recording(tmp_path / "r.gz"), other / "journal.sqlite")
        run_step(same, problems(NAMES), other)
        with pytest.raises(RecipeError, match=r"temperature: 0.6 → 0.9"):
            run_step(hot, problems(NAMES), other)
        assert server.asked == 11


def test_answers_of_another_step_in_the_same_journal_ask_nothing(tmp_path: Path) -> None:
    """The judge of a dedup step asks before distill does, into the same file, other things of another model."""
    with FakeTeacher() as server:
        ask(server, ["are these two the same?"], tmp_path / "journal.sqlite", teacher={"model": "judge"})
        run_step(step(server.url), problems(NAMES), tmp_path)
        assert server.asked == 11


def test_more_correct_answers_wanted_asks_as_more_samples_do(tmp_path: Path) -> None:
    table = problems(["What is 1 + 1?", "What is 1 + 2?"]).with_columns(answer=pl.Series(["2", "3"]))
    with FakeTeacher() as server:
        run_step(step(server.url, until={"correct": 1, "max": 4}), table, tmp_path)
        asked = server.asked
        with pytest.raises(RecipeError, match=r"until.correct: 1 → 2"):
            run_step(step(server.url, until={"correct": 2, "max": 4}), table, tmp_path)
        assert server.asked == asked
        run_step(step(server.url, until={"correct": 2, "max": 4}), table, tmp_path, Yes())
        run_step(step(server.url, until={"correct": 1, "max": 4}), table, tmp_path)


def test_a_system_message_that_all_rows_share_is_a_setting(tmp_path: Path, jsonl: Any) -> None:
    def asking(url: str, system: str) -> Job:
        chats = [[{"role": "system", "content": system}, {"role": "user", "content": f"q{n}"}] for n in range(3)]
        path = jsonl("p.jsonl", [{"id": n, "prompt": chat} for n, chat in enumerate(chats)])
        teacher = Teacher.model_validate({"base_url": url, "model": "m"})
        return Job(path, teacher, Sampling(), Limits(timeout_s=60), tmp_path / "j")

    with FakeTeacher() as server:
        ask_file(asking(server.url, "Be brief."), tmp_path / "a.jsonl")
        with pytest.raises(RecipeError, match=r"system: Be brief. → Be long."):
            ask_file(asking(server.url, "Be long."), tmp_path / "a.jsonl")
        assert server.asked == 3
