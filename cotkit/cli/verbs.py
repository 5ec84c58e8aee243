"""A verb that works on a target and also has subcommands: `cotkit verify TARGET`, `cotkit verify audit …`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand


def with_subcommands(**functions: Callable[..., None]) -> type[TyperCommand]:
    """A command class for `app.command(NAME, cls=…)`: the command itself runs unless the first argument names
    one of `functions` (`-` for `_`), which then runs as a command of its own.

    A file called like a subcommand is given as ./NAME.
    """

    commands = {name.replace("_", "-"): function for name, function in functions.items()}

    class Verb(TyperCommand):
        def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
            if not args or args[0] not in commands:
                return super().make_context(info_name, args, parent, **extra)
            app = typer.Typer(add_completion=False)
            app.command()(commands[args[0]])
            command = typer.main.get_command(app)
            return command.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    return Verb
