"""What a process gives up before it runs a program, where bubblewrap is not there to do it. Linux, ctypes.

Sent as source like runner.py and run inside the judged process, on `job["guard"]`:

- namespaces: a new user, network, process, IPC and host-name namespace; this process stays outside as the
  parent of the first process of the new ones, and ends as it ends (user_namespaces(7), pid_namespaces(7)).
- landlock: files are read below `readable` only, none is written (landlock(7)).
- signal: die with the parent (PR_SET_PDEATHSIG).

Then comes the filter of seccomp.py (seccomp(2)), at once or, where each test has a process, in that process.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PDEATHSIG, _SET_DUMPABLE, _SECCOMP, _NO_NEW_PRIVS, _FILTER = 1, 4, 22, 38, 2
_NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_CAPABILITY_V3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("fd", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _done(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


def die_with(parent: int) -> None:
    """Be killed when the parent's thread that started us ends."""
    libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def leave_namespaces() -> None:
    """Returns in the first process of the new namespaces; the caller waits for it and ends with its status."""
    _done(libc.unshare(_NEW_USER | _NEW_PID | _NEW_NET | _NEW_IPC | _NEW_UTS), "unshare")
    child = os.fork()
    if child == 0:
        libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        return
    os.closerange(0, 1 << 20)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(status if status >= 0 else 128 - status)


def drop_capabilities() -> None:
    """No privileges, and none to be had by starting another program."""
    _done(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_V3, 0)
    _done(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def close_files(readable: list[str]) -> None:
    """Landlock: reading below `readable`, writing to /dev/null, nothing else; no TCP, no signals outside."""
    abi = _done(libc.syscall(_CREATE_RULESET, 0, 0, 1), "landlock")
    files = (1 << 13) - 1
    files |= (1 << 13 if abi >= 2 else 0) | (1 << 14 if abi >= 3 else 0) | (1 << 15 if abi >= 5 else 0)
    wanted = _Ruleset(files, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    rules = _done(libc.syscall(_CREATE_RULESET, ctypes.byref(wanted), size, 0), "landlock")
    for path in readable:
        access = _READ_FILE | (_READ_DIR | _EXECUTE if os.path.isdir(path) else 0)
        access |= _WRITE_FILE if path == "/dev/null" else 0
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _done(libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(_Beneath(access, place)), 0), path)
        os.close(place)
    _done(libc.syscall(_RESTRICT_SELF, rules, 0), "landlock")
    os.close(rules)


def filter_calls(program: bytes) -> None:
    """seccomp: see seccomp.py."""
    holder = _Program(len(program) // 8, program)
    _done(libc.prctl(_SECCOMP, _FILTER, ctypes.byref(holder), 0, 0), "seccomp")


def confine(job: dict[str, Any]) -> None:
    """Give up what `job["guard"]` names. Raises OSError where the kernel refuses."""
    guard = job["guard"]
    if "signal" in guard:
        die_with(job["parent"])
    if "namespaces" in guard:
        leave_namespaces()
    if "namespaces" in guard or "landlock" in guard:
        drop_capabilities()
    if "landlock" in guard:
        close_files(job["readable"])
    if job["mode"] == "stdin":  # the processes it starts must not reach into it through /proc
        _done(libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")
    elif job["filter"]:
        filter_calls(job["filter"])


def seal(job: dict[str, Any]) -> None:
    """The rest, in a process that was forked from a confined one: it dies with it, and forks no more."""
    libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if job["filter"]:
        filter_calls(job["filter"])


if "job" in globals():
    confine(globals()["job"])
elif __name__ == "__main__":
    sys.exit("confine.py runs inside a judged process")
