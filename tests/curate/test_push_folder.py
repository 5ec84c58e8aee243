"""Pushing to a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from published_rows import publish, table
from pydantic import TypeAdapter

from cotkit.curate.card import card_state
from cotkit.curate.layout import PushOptions, dataset_files
from cotkit.curate.push import Push, push_dataset
from cotkit.errors import HubError
from cotkit.records import Example
from cotkit.steps import StepContext


def _local(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in dataset_files(folder)}


def test_a_folder_of_another_run_stays(tmp_path: Path) -> None:
    first, second = publish(tmp_path / "a", table(2)), publish(tmp_path / "b", table(3))
    target = tmp_path / "out"
    assert push_dataset(first, str(target)).changed
    with pytest.raises(HubError, match=r"/out: the folder holds a dataset that this run did not push; .*--overwrite"):
        push_dataset(second, str(target))
    assert _local(target) == _local(first)
    assert push_dataset(publish(tmp_path / "a", table(4)), str(target)).changed
    assert push_dataset(second, str(target), PushOptions(overwrite=True)).changed
    with pytest.raises(HubError, match="holds another version than the one that this run pushed"):
        push_dataset(first, str(target))
    assert push_dataset(publish(tmp_path / "b", table(5)), str(target)).changed
    (target / "README.md").unlink()
    with pytest.raises(HubError, match=r"its README.md is not as cotkit wrote it"):
        push_dataset(second, str(target))
    # The same dataset from another run is nobody's loss.
    again = publish(tmp_path / "c", table(4))
    assert push_dataset(again, str(tmp_path / "new")).changed
    assert push_dataset(first, str(tmp_path / "new")).changed is False


def test_folder_push_copies_and_then_changes_nothing(tmp_path: Path) -> None:
    folder = publish(tmp_path / "work", table(3), max_shard_rows=1)
    target = tmp_path / "deep" / "out"
    first = push_dataset(folder, str(target))
    assert (first.url, first.commit, first.changed) == (str(target), None, True)
    assert _local(target) == _local(folder)
    assert push_dataset(folder, str(target)).changed is False
    smaller = publish(tmp_path / "work", table(2))
    assert push_dataset(smaller, str(target)).changed is True
    assert _local(target) == _local(smaller)
    assert [p.name for p in target.parent.iterdir()] == ["out"]


def test_folder_push_refuses_what_is_not_ours(tmp_path: Path) -> None:
    folder = publish(tmp_path / "work", table(2))
    target = tmp_path / "out"
    target.mkdir()
    assert push_dataset(folder, str(target)).changed  # an empty folder is fine
    (target / "thesis.txt").write_text("years of work")
    newer = publish(tmp_path / "work2", table(3))
    for options in (PushOptions(), PushOptions(overwrite=True)):
        with pytest.raises(HubError, match=r"thesis\.txt"):
            push_dataset(newer, str(target), options)
    (target / "thesis.txt").unlink()
    card = target / "README.md"
    card.write_text(card.read_text() + "My own words.\n")
    assert card_state(card.read_text()) == "edited"
    with pytest.raises(HubError, match="not as cotkit wrote it"):
        push_dataset(newer, str(target))
    assert push_dataset(newer, str(target), PushOptions(overwrite=True)).changed
    assert _local(target) == _local(newer)
    with pytest.raises(HubError, match="a file, not a folder"):
        push_dataset(newer, str(card))
    for inside in (newer / "data", newer, newer.parent):
        with pytest.raises(HubError, match="holds the dataset itself"):
            push_dataset(newer, str(inside))


def test_an_unwritable_folder_is_a_sentence(tmp_path: Path) -> None:
    folder = publish(tmp_path / "work", table(1))
    (tmp_path / "file").write_text("a file")
    with pytest.raises(HubError, match="cannot be written"):
        push_dataset(folder, str(tmp_path / "file" / "out"))


def test_a_failed_rename_leaves_the_old_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out"
    old = publish(tmp_path / "a", table(2))
    push_dataset(old, str(target))
    rename, calls = os.rename, []

    def second_fails(source: Any, destination: Any) -> None:
        calls.append(destination)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(HubError, match="No space left"):
        push_dataset(publish(tmp_path / "b", table(3)), str(target), PushOptions(overwrite=True))
    assert _local(target) == _local(old)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "out"]


def test_push_step_passes_rows_through(tmp_path: Path) -> None:
    examples = table(2)
    publish(tmp_path / "run", examples)
    step = TypeAdapter(Push).validate_python({"step": "push", "to": "out"}, context={"base": tmp_path})
    assert step.to == str(tmp_path / "out")
    (tmp_path / "work").mkdir()
    context = StepContext(seed=0, work=tmp_path / "work", run=tmp_path / "run")
    output = step.run({Example: examples}, context)
    assert output.kept.equals(examples)
    assert output.dropped.is_empty()
    assert json.loads((tmp_path / "work" / "push.json").read_text())["changed"] is True
    assert (tmp_path / "out" / "README.md").exists()
