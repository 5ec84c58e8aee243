"""The system-call filter of every level above rlimits, as the BPF program that the kernel loads (seccomp(2)).

It refuses what a program that computes an answer has no use for: a second process, sockets, signals and
traces of other processes, other ways to the kernel (io_uring, bpf, keys, mounts), memory outside the limits,
and the changes of files that Landlock does not govern. Threads work, and so does a socketpair of its own.
A deny list: what it does not name is left to the other guards of the level.
"""

from __future__ import annotations

import errno
import platform
import struct

# name -> number on (x86_64, aarch64); None: not there. From 424 on the numbers are common.
_CALLS: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None),
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "setsid": (112, 157), "setpgid": (109, 154), "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "userfaultfd": (323, 282),
    "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "unshare": (272, 97), "setns": (308, 268), "personality": (135, 92),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "syslog": (103, 116),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
}  # fmt: skip
# Refused where the filter is set after the program's interpreter has started.
_EXEC: dict[str, tuple[int, int]] = {"execve": (59, 221), "execveat": (322, 281)}
_FORK = ("fork", "vfork")
_CLONE, _SOCKETPAIR, _PRLIMIT, _CLONE3, _PRCTL = (56, 220), (53, 199), (302, 261), (435, 435), (157, 167)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_CLONE_THREAD = 0x00010000
_SOCK_STREAM = 1
_PR_SET_PDEATHSIG = 1
_X32 = 0x40000000

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_NUMBER, _ARCH = 0, 4  # offsets in struct seccomp_data
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)


def _argument(index: int) -> int:
    """Offset of the low half of an argument (little-endian machines)."""
    return 16 + 8 * index


def call_filter(*, outer: bool = False, forks: bool = False, machine: str = "") -> bytes | None:
    """The filter for this machine's (or the named) architecture; None where we have no table of calls for it.

    `outer`: the filter is set before the interpreter is started (bubblewrap does so). `forks`: for the process
    that starts one process a test; those get the whole filter on top.
    """
    which = _MACHINES.get(machine or platform.machine())
    if which is None:
        return None
    column, arch = which
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    steps = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, arch, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if column == 0:
        steps += [_step(_AT_LEAST, _X32, 0, 1), refuse]
    # clone3 hides its flags in memory; without it the C library falls back to clone.
    steps += [_step(_EQUAL, _CLONE3[column], 0, 1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    denied = _CALLS if outer else {**_CALLS, **_EXEC}
    for name, numbers in denied.items():
        number = numbers[column]
        if number is not None and not (forks and name in (*_FORK, "memfd_create")):
            steps += [_step(_EQUAL, number, 0, 1), refuse]
    if not forks:
        steps += _unless(_CLONE[column], [_step(_LOAD, _argument(0)), _step(_ANY_BIT, _CLONE_THREAD, 1, 0), refuse])
    steps += _unless(
        _SOCKETPAIR[column],
        [_step(_LOAD, _argument(1)), _step(_AND, 0xF), _step(_EQUAL, _SOCK_STREAM, 1, 0), refuse],
    )
    if not outer:
        wanted = [_step(_LOAD, _argument(0)), _step(_EQUAL, _PR_SET_PDEATHSIG, 0, 1), refuse]
        steps += _unless(_PRCTL[column], wanted)
    steps += _unless(_PRLIMIT[column], [_step(_LOAD, _argument(0)), _step(_EQUAL, 0, 1, 0), refuse])
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _unless(number: int, steps: list[bytes]) -> list[bytes]:
    """Where the call is `number`: these steps, then allow."""
    return [_step(_EQUAL, number, 0, len(steps) + 1), *steps, _step(_RETURN, _ALLOW)]
