"""The shared blocks are what their names say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from cotkit.dedup.step import Benchmark
from cotkit.distill.prompt import Prompt
from cotkit.distill.teacher import Teacher
from cotkit.recipe.load import SHIPPED

BLOCKS = sorted((SHIPPED / "blocks").glob("*.yaml"))


@pytest.mark.parametrize("path", [p for p in BLOCKS if p.stem.startswith(("teacher-", "judge-"))], ids=lambda p: p.stem)
def test_a_teacher_block_is_a_teacher(path: Path) -> None:
    teacher = Teacher.model_validate(yaml.safe_load(path.read_text()))
    assert teacher.api_key_env is not None
    # A judge may hide its reasoning; a teacher of traces may not.
    assert path.stem.startswith("judge-") or teacher.reasoning == "raw"


@pytest.mark.parametrize("path", [p for p in BLOCKS if p.stem.startswith("prompt-")], ids=lambda p: p.stem)
def test_a_prompt_block_is_a_prompt(path: Path) -> None:
    (message,) = Prompt.model_validate(yaml.safe_load(path.read_text())).messages("1 + 1?")
    assert "1 + 1?" in message["content"]


def test_the_benchmarks_are_known_and_none_of_the_mathematical_ones_is_gated() -> None:
    names = yaml.safe_load((SHIPPED / "blocks/benchmarks-math.yaml").read_text())
    known = [TypeAdapter(Benchmark).validate_python(name) for name in names]
    assert {"aime24", "aime25", "amc23", "math500", "olympiadbench", "minerva"} <= {b.name for b in known}
    assert "gpqa-diamond" not in names
