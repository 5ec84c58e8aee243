"""`cotkit`: the Typer app, and how errors become sentences and exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from cotkit import __version__
from cotkit.cli import (
    dedup,
    distill,
    estimate,
    importing,
    inspect_,
    journal,
    pairs,
    recipes,
    reproduce,
    retrace,
    run,
    score,
    sources,
    steps,
    teachers,
    templates,
    trim,
    verify,
)
from cotkit.cli.output import fail
from cotkit.cli.verbs import with_subcommands
from cotkit.errors import CotkitError, StorageError

EPILOG = (
    "Exit codes: 0 done · 1 a bug in cotkit · 2 recipe or option · 3 input, or leaks · 4 disk · 5 teacher refuses · "
    "6 some rows failed, run again · 7 Hub · 8 compared and different · 130 interrupted · 143 stopped by SIGTERM"
)
INTERRUPTED = 130
TERMINATED = 143
app = typer.Typer(
    name="cotkit",
    help="Build long chain-of-thought datasets: curate, decontaminate, distill, verify, select, publish.\n\n"
    "Start with: cotkit run quickstart",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cotkit {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Build long chain-of-thought datasets."""


app.command("run")(run.run)
app.command("reproduce")(reproduce.reproduce)
app.command("validate")(run.validate)
_curate = with_subcommands(sources=sources.sources, check_source=sources.check_source, **{"import": importing.import_})
app.command("curate", cls=_curate)(steps.curate)
app.command("dedup", cls=with_subcommands(check=dedup.check))(steps.dedup)
app.command("distill")(distill.distill)
app.command("verify", cls=with_subcommands(audit=verify.audit))(verify.verify)
app.command("score")(score.score)
app.command("select")(steps.select)
app.command("trim")(trim.trim)
app.command("pairs", cls=with_subcommands(check=pairs.check))(pairs.pairs)
app.command("retrace")(retrace.retrace)
app.command("push")(steps.push)
app.command("estimate")(estimate.estimate)
app.command("status")(inspect_.status)
app.command("report")(inspect_.report)
app.add_typer(recipes.app, name="recipes")
app.add_typer(journal.app, name="journal")
app.add_typer(teachers.app, name="teachers")
app.add_typer(templates.app, name="templates")


def main() -> None:
    """Entry point: one sentence and an exit code for every error that is the user's to mend."""
    asked = _hear_sigterm()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except CotkitError as error:
        fail(error)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our stdout has left (as `head` does); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        code = _disk(error)
    except SystemExit as stop:
        # Click answers a reader that has left (as `head` does) with 1; nothing is wrong.
        code = 0 if type(sys.stdout).__name__ == "PacifyFlushWrapper" else stop.code
    except Exception as error:  # noqa: BLE001  the last resort: a bug still ends in one sentence
        code = _unexpected(error)
    if code == INTERRUPTED:  # Typer itself turns Ctrl-C into this code, without a word
        by, code = (" by SIGTERM", TERMINATED) if asked else ("", INTERRUPTED)
        fail(KeyboardInterrupt(f"stopped{by}; what was finished is kept, run the same command again to go on"))
    sys.exit(code if isinstance(code, int) else 0)


def _hear_sigterm() -> list[int]:
    """Slurm and Kubernetes stop a program with SIGTERM: it does what Ctrl-C does. Returns what was heard so far."""
    heard: list[int] = []

    def as_interrupt(number: int, _: FrameType | None) -> None:
        heard.append(number)
        if not callable(signal.getsignal(signal.SIGINT)):  # started with & by a script, Ctrl-C is not for us
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, as_interrupt)
    return heard


def _disk(error: OSError) -> int:
    """A disk that is full or closed, wherever it was met; any other OSError is a bug of ours."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO):
        return _unexpected(error)
    place = f"{error.filename}: " if error.filename else ""
    fail(StorageError(f"{place}{error.strerror}; free space or check the permissions, then run the same command again"))
    return StorageError.exit_code


def _unexpected(error: Exception) -> int:
    show = getattr(error, "show", None)
    if callable(show):  # a usage error of the command line itself
        show()
        return int(getattr(error, "exit_code", 2))
    if os.environ.get("COTKIT_DEBUG"):
        raise error
    fail(
        RuntimeError(f"{type(error).__name__}: {error} — a bug in cotkit; COTKIT_DEBUG=1 shows where, please report it")
    )
    return 1
