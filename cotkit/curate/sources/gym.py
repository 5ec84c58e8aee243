"""Problems that reasoning-gym makes: any number of them, each checked by its own scorer as it is made.

https://github.com/open-thought/reasoning-gym (Apache-2.0), the extra `cotkit[gym]`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from cotkit.errors import InputError
from cotkit.source import RawRow, Source

# reasoning-gym makes item i of seed s from Random(s + i), so neighbouring seeds would share all but one problem.
APART = 1_000_000
_MATH = frozenset({"algebra", "arithmetic", "geometry", "probability"})


class GymSource(Source):
    """Problems of reasoning-gym tasks; the same seed and version of the package give the same problems.

    The scorer of a task may accept more than one answer (a countdown, a colouring); `verify` compares with the
    one that the task itself gives, so take tasks with one right answer. A row whose own scorer does not accept its
    answer, or that has none, is left out.
    """

    kind: Literal["gym"] = "gym"
    tasks: tuple[str, ...] = Field(min_length=1, description="Names of reasoning-gym tasks, e.g. chain_sum.")
    size: int = Field(500, ge=1, le=APART, description="Problems of each task.")
    seed: int = Field(0, ge=0, description="Another seed gives other problems; reasoning-gym gets it times 1,000,000.")
    settings: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict, description="Task -> its own settings, e.g. {chain_sum: {min_terms: 4}}."
    )
    license: str | None = Field("apache-2.0", description="That of the package whose code makes the problems.")

    def also_keep(self) -> tuple[str, ...]:
        return ("task", "difficulty")

    def materials(self, pins: Mapping[str, str]) -> dict[str, str]:
        """The version of the package: its code makes the problems."""
        from importlib.metadata import version

        self._package()
        return {self.name: f"reasoning-gym=={version('reasoning-gym')}"}

    def rows(self, pins: Mapping[str, str]) -> Iterator[RawRow]:
        gym = self._package()
        number = 0
        for task in self.tasks:
            made = self._made(gym, task)
            for index in range(self.size):
                entry = made[index]
                answer = entry["answer"]
                values = {
                    "problem": entry["question"],
                    "answer": answer,
                    "domain": "math" if type(made).__module__.split(".")[1] in _MATH else "puzzle",
                    "task": task,
                    "difficulty": entry["metadata"].get("difficulty"),
                }
                good = answer is not None and made.score_answer(answer=answer, entry=entry) >= 1.0
                yield RawRow(
                    number, f"{task}, item {index + 1}", values, left_out=None if good else "not_its_own_answer"
                )
                number += 1

    def _package(self) -> Any:
        try:
            import reasoning_gym
        except ImportError as error:
            raise InputError(
                f"the source '{self.name}' needs reasoning-gym, which is not installed; "
                f'install it with `pip install "cotkit[gym]"`'
            ) from error
        return reasoning_gym

    def _made(self, gym: Any, task: str) -> Any:
        known = list(gym.factory.DATASETS)
        if task not in known:
            near = difflib.get_close_matches(task, known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(sorted(known))}"
            raise InputError(f"source '{self.name}': reasoning-gym has no task '{task}'; {hint}")
        try:
            return gym.create_dataset(task, seed=self.seed * APART, size=self.size, **self.settings.get(task, {}))
        except (TypeError, ValueError, AssertionError) as error:
            raise InputError(
                f"source '{self.name}': reasoning-gym does not take these settings for '{task}' ({error}); "
                f"mend `settings`"
            ) from error
