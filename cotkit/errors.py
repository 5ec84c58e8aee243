"""Errors that a user can act on. The CLI prints their one sentence and ends with their exit code."""

from __future__ import annotations


class CotkitError(Exception):
    """Base of every error that is the user's to mend: one sentence that says what, where, what to do.

    The exit code says the kind, so that a scheduler can tell "mend the recipe" from "try again later".
    """

    exit_code = 1


class RecipeError(CotkitError):
    """The recipe or a command-line option is wrong."""

    exit_code = 2


class InputError(CotkitError):
    """A file, a table or a Hub dataset that a step reads is missing or malformed."""

    exit_code = 3


class UnreachableError(InputError):
    """What a step reads is somewhere that cannot be reached now; it may be all right."""


class StorageError(CotkitError):
    """The run directory cannot be written: permissions, a full disk, another cotkit at work in it."""

    exit_code = 4


class TeacherError(CotkitError):
    """The teacher refuses for good: bad key, empty account, unknown model. Resuming later costs nothing."""

    exit_code = 5


class HubError(CotkitError):
    """The Hub (or the folder pushed to) refuses or cannot be reached."""

    exit_code = 7


class IncompleteError(CotkitError):
    """The run ended, but some rows failed for a passing reason; running again asks for those alone."""

    exit_code = 6


class EngineError(CotkitError):
    """A worker process of the engine ended by itself; what the others have done stays."""

    exit_code = 9
