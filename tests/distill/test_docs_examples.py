"""What the page on built traces shows can be pasted into a recipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from cotkit.recipe.models import AnyStep
from cotkit.steps import Step

PAGE = Path(__file__).parents[2] / "docs" / "built-traces.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_list_of_sound_steps(example: str) -> None:
    steps: list[Step] = TypeAdapter(list[AnyStep]).validate_python(yaml.safe_load(example))
    assert [sentence for step in steps for sentence in step.check()] == []


def test_every_system_of_the_page_has_its_example() -> None:
    shown = " ".join(EXAMPLES)
    for name in ("star", "budget_force", "reflect", "steps_json", "rewrite", "template"):
        assert f"by: {name}" in shown
    assert "only: unsolved" in shown
