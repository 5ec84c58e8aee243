"""The push step: the published folder goes to the Hub or to another folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from cotkit import records
from cotkit.config import LocalPath
from cotkit.curate.intact import check_card, forbids_redistribution
from cotkit.curate.layout import PushOptions, PushResult, dataset_files
from cotkit.curate.push_folder import push_to_folder
from cotkit.curate.push_hub import push_to_hub
from cotkit.errors import RecipeError
from cotkit.records import Example
from cotkit.steps import Step, StepContext, StepOutput
from cotkit.table import Table

HUB = "hub:"
# The Hub's own rule for names: letters, digits, -, _ and .; neither -- nor .. nor one at an end.
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_]|[-.](?![-.]))*(?<![-.])"
_REPO = re.compile(rf"{_PART}/{_PART}")


class Push(Step):
    """Push the dataset that `publish` wrote; the rows pass through unchanged."""

    step: Literal["push"] = "push"
    to: str = Field(description="hub:user/name, or a folder relative to the recipe.", min_length=1)
    private: bool = Field(True, description="Create the Hub dataset as private, and refuse to push to a public one.")
    revision: str = Field("main", min_length=1, description="Branch on the Hub; made where it is missing.")
    message: str | None = Field(None, min_length=1, description="Message of the commit on the Hub.")
    overwrite: bool = Field(
        False,
        description="Replace a dataset that this run did not push, a card or data that cotkit did not write, or what "
        "was changed since the last push.",
    )
    redistribute: bool = Field(
        False, description="Push although the licence or the authors of a source forbid to pass it on."
    )

    room: ClassVar[str] = "push"
    reads: ClassVar[tuple[type, ...]] = (Example,)
    writes: ClassVar[type] = Example
    tells_story: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "cotkit.curate.push",
        "cotkit.curate.intact",
        "cotkit.curate.layout",
        "cotkit.curate.push_folder",
        "cotkit.curate.push_hub",
        "cotkit.curate.pushed",
    )

    @field_validator("to")
    @classmethod
    def _resolved(cls, value: str, info: ValidationInfo) -> str:
        if value.startswith(HUB) or "://" in value:
            try:
                parse_target(value)
            except RecipeError as error:
                raise PydanticCustomError("push_target", "{problem}", {"problem": str(error)}) from error
            return value
        return str(TypeAdapter(LocalPath).validate_python(value, context=info.context))

    def parts(self, tables: Mapping[type, Table], context: StepContext) -> Iterator[StepOutput]:
        options = PushOptions(self.private, self.revision, self.message, self.overwrite, self.redistribute)
        with context.progress.task(f"push to {self.to}", 1) as task:
            result = push_dataset(context.run / "dataset", self.to, options)
            task.advance()
        context.progress.note(f"{'pushed to' if result.changed else 'nothing has changed at'} {result.url}")
        text = json.dumps({"to": self.to, **asdict(result)}, indent=2)
        (context.work / "push.json").write_text(text + "\n", encoding="utf-8")
        for examples in tables[Example].batches():
            yield StepOutput(kept=examples, dropped=records.dropped_frame(examples, [], [], []))


def push_dataset(folder: Path, to: str, options: PushOptions | None = None) -> PushResult:
    """Push a folder that `publish` wrote to `hub:user/name` or to another folder, all of it or nothing.

    Raises InputError where the folder holds no dataset or one that was changed since, RecipeError where `to` names no
    place or a licence forbids it, HubError where the target refuses, cannot be reached, or holds what this run did not
    push.
    """
    options = options or PushOptions()
    target = parse_target(to)
    files = dataset_files(folder)
    card = check_card(folder, files)
    if forbids_redistribution(card) and not options.redistribute:
        raise RecipeError(
            f"{to}: the card says that a source may not be passed on (see 'Sources and licence' there); "
            f"drop its rows, or set redistribute (--redistribute) if you have the right"
        )
    if isinstance(target, Path):
        return push_to_folder(folder, files, target, options)
    return push_to_hub(folder, files, target, options)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a push would send: (name, size in bytes) of each file, and the text of the card."""

    to: str
    files: tuple[tuple[str, int], ...]
    card: str
    forbidden: bool


def rehearse(folder: Path, to: str) -> Rehearsal:
    """What `push_dataset` would send, without asking the target. Raises as it does for the folder and for `to`."""
    parse_target(to)
    names = dataset_files(folder)
    card = check_card(folder, names)
    sizes = tuple((name, (folder / name).stat().st_size) for name in names)
    return Rehearsal(to, sizes, card, forbids_redistribution(card))


def parse_target(to: str) -> str | Path:
    """The Hub name `user/name` of a `hub:` target, or the path of a folder. Raises RecipeError."""
    if not to.startswith(HUB):
        if not to.strip():
            raise RecipeError("the target of a push is empty; give hub:user/name or a folder")
        if "://" in to:
            raise RecipeError(
                "a push goes to hub:user/name or to a folder, not to a URL; HF_ENDPOINT names another Hub"
            )
        return Path(to).expanduser() if to.startswith("~/") else Path(to)
    name = to.removeprefix(HUB)
    if not _REPO.fullmatch(name) or any(len(part) > 96 for part in name.split("/")):
        raise RecipeError(f"'{to}' names no dataset on the Hub; write hub:user/name")
    return name
