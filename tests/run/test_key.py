"""Cache keys: what changes them, what does not, and how a change is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotkit.curate.filter import FilterStep
from cotkit.run import key
from cotkit.steps import Step


def step(**changes: object) -> Step:
    filters = [{"name": "length", "min_chars": 10, **changes}]
    return FilterStep.model_validate({"step": "filter", "name": "f", "filters": filters})


def test_a_change_is_named() -> None:
    old = key.components(step(), 0, {"Problem": "aa"}, {})
    new = key.components(step(min_chars=20), 1, {"Problem": "bb"}, {"x": "d"})
    assert key.changes(old, new) == [
        "filters.0.min_chars: 10 → 20",
        "input Problem changed",
        "material x is new",
        "seed: 0 → 1",
    ]
    assert key.key_of(old) != key.key_of(new)


def test_the_name_of_a_step_is_no_part_of_its_key() -> None:
    parts = key.components(step(), 0, {}, {})
    renamed = step().model_copy(update={"name": "other"})
    assert key.components(renamed, 0, {}, {}) == parts


def test_a_changed_line_of_code_changes_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "some_plugin_of_mine.py"
    module.write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = key.code_digest("some_plugin_of_mine")
    key.code_digest.cache_clear()
    module.write_text("A = 2\n")
    assert key.code_digest("some_plugin_of_mine") != before


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("sources.0.path", "sources.*.path", True),
        ("sources.0.name", "sources.*.path", False),
        ("limits.concurrency", "limits", True),
        ("limit", "limits", False),
    ],
)
def test_exclusion_patterns(path: str, pattern: str, expected: bool) -> None:
    assert key.is_excluded(path, {pattern: "why"}) is expected
