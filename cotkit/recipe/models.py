"""The recipe as a type: what may stand in the YAML."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cotkit.config import Config
from cotkit.engine import Engine
from cotkit.registry import Registered
from cotkit.steps import Step

AnyEngine = Annotated[Engine, Registered("engines", "kind")]
AnyStep = Annotated[Step, Registered("steps", "step")]
SLUG = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class Lock(Config):
    """What a run resolved. A recipe that carries it is checked against it before it runs."""

    cotkit: str = Field(description="Version of cotkit that ran.")
    python: str = Field(description="Version of Python.")
    packages: dict[str, str] = Field(description="Package -> version, for those that decide results.")
    pins: dict[str, dict[str, str]] = Field(
        description="Step -> name -> digest of files, revision of Hub datasets, weights."
    )


class Recipe(Config):
    """How a dataset is made: a seed and a list of steps."""

    name: str = Field(
        pattern=SLUG,
        description="Name of the recipe; the default run directory is runs/NAME. One that includes another has the "
        "name of its file when it says none.",
    )
    version: int = Field(1, ge=1, description="Version of this recipe; raise it when its result changes.")
    description: str = Field("", description="What it makes, for `cotkit recipes` and the card.")
    seed: int = Field(0, ge=0, description="Every random choice starts from it.")
    vars: dict[str, str | int | float | bool | None] = Field(
        default_factory=dict,
        description="Values for ${vars.NAME} in the recipe; null must be given with --set.",
    )
    engine: AnyEngine | None = Field(
        None,
        description="Who runs the shards of big tables; the run's own process when left out. It changes no byte of the "
        "result, so it is in no lock and on no card.",
    )
    steps: tuple[AnyStep, ...] = Field(min_length=1, description="The steps, in order.")
    lock: Lock | None = Field(None, description="Written by cotkit into recipe.lock.yaml.")


class Insertion(Config):
    """Steps to put among those of an included recipe."""

    after: str | None = Field(None, description="Name of the step that they come after.")
    before: str | None = Field(None, description="Name of the step that they come before.")
    steps: tuple[AnyStep, ...] = Field(min_length=1, description="The steps, in order.")


class RecipeFile(Recipe):
    """A recipe as a file may write it: with an include and what it changes there (remove, insert, set: in this order).

    Below the top, `include:` takes in a block, see cotkit.recipe.blocks.
    """

    include: str | None = Field(None, description="A recipe to start from: a path, or a shipped name.")
    remove: tuple[str, ...] = Field((), description="Steps of the included recipe that are left out, by name.")
    insert: tuple[Insertion, ...] = Field((), description="Steps that are put among those of the included recipe.")
    set: dict[str, Any] = Field(
        default_factory=dict, description="Overrides on the included recipe, as --set: {distill.samples: 4}."
    )


# Keys of a file that are gone in the recipe it makes.
EDITS = ("include", "remove", "insert", "set")
