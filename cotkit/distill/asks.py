"""What all steps that ask a teacher have in common: keys that change no answer, recordings, keys that it ignores."""

from __future__ import annotations

from collections.abc import Mapping

from cotkit.distill.recording import recording_digest
from cotkit.distill.teacher import Sampling, Teacher

_OF_TEACHER: Mapping[str, str] = {
    "stream": "how the bytes come does not change the answer",
    "api_key_env": "who pays does not change the answer",
    "ignores": "it only decides which recipes are refused",
    "replay": "the digest of the recording stands for its path",
}
_OF_ASKING: Mapping[str, str] = {
    "limits": "how fast a teacher is asked does not change what it answers",
    "journal": "where answers are kept does not change them",
}
# For steps with a budget.
BUDGET: Mapping[str, str] = {
    "budget": "it decides how many rows are asked now, and those that were not are asked by a later run"
}
# For steps that may ask by batch files.
BATCH: Mapping[str, str] = {"batch": "the way an answer takes does not change it"}


def exclusions(*teachers: str, within: str = "") -> dict[str, str]:
    """Config path -> why it is left out of a cache key, for the teachers at these paths (`*` for one part).

    `within` is the path of the config that holds `limits` and `journal`, where that is not the step itself.
    """
    prefix = f"{within}." if within else ""
    own = {f"{prefix}{key}": why for key, why in _OF_ASKING.items()}
    return own | {f"{teacher}.{key}": why for teacher in teachers for key, why in _OF_TEACHER.items()}


def recordings(teachers: Mapping[str, Teacher]) -> dict[str, str]:
    """Digest of each recording that is replayed, by its name here. Raises InputError where a file is missing."""
    return {name: recording_digest(asked.replay) for name, asked in teachers.items() if asked.replay is not None}


def ignored(teacher: Teacher, sampling: Sampling, place: str = "", instead: str = "leave it out") -> list[str]:
    """A sentence for each sampling key that is set though the teacher ignores it; `place` is its config's path."""
    return [
        f"{place}sampling.{key} is set, but the teacher {teacher.model} ignores it (teacher.ignores); {instead}"
        for key in teacher.ignores
        if getattr(sampling, key) is not None
    ]
