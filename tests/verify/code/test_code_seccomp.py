"""The filter of system calls, run as the kernel runs it, for machines that the tests do not run on too."""

from __future__ import annotations

import struct

import pytest

from cotkit.verify.code.seccomp import call_filter

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026


def verdict(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """Classic BPF, as far as the filter uses it."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *(arguments + (0,) * 6)[:6])
    held, at = 0, 0
    while True:
        code, then, otherwise, value = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            held = struct.unpack_from("<I", data, value)[0]
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return value
        else:
            true = {0x15: held == value, 0x35: held >= value, 0x45: held & value}[code]
            at += then if true else otherwise


# (fork, clone, clone3, kill, socket, socketpair, prlimit64, prctl, execve, read, ptrace)
NUMBERS = {
    "x86_64": (57, 56, 435, 62, 41, 53, 302, 157, 59, 0, 101),
    "aarch64": (None, 220, 435, 129, 198, 199, 261, 167, 221, 63, 117),
}


@pytest.mark.parametrize("machine", NUMBERS)
def test_the_filter_decides_as_its_text_says(machine: str) -> None:
    fork, clone, clone3, kill, sock, pair, prlimit, prctl, execve, read, ptrace = NUMBERS[machine]
    whole, outer = call_filter(machine=machine), call_filter(outer=True, machine=machine)
    starter = call_filter(outer=True, forks=True, machine=machine)
    assert whole is not None
    assert outer is not None
    assert starter is not None

    def ask(program: bytes, number: int | None, *arguments: int) -> int:
        return EPERM if number is None else verdict(program, ARCH[machine], number, *arguments)

    thread, process = 0x003D0F00, 0x01200011
    for program in (whole, outer):
        assert ask(program, fork) == ask(program, clone, process) == ask(program, kill) == EPERM
        assert (
            ask(program, sock) == ask(program, ptrace) == ask(program, prlimit, 1) == ask(program, pair, 1, 2) == EPERM
        )
        assert ask(program, clone3) == ENOSYS
        assert ask(program, clone, thread) == ask(program, read) == ask(program, prlimit, 0) == ALLOW
        assert ask(program, pair, 1, 0x80001) == ALLOW
        assert verdict(program, 0x40000003, 1) == KILL  # i386
    assert ask(whole, execve) == ask(whole, prctl, 1) == EPERM
    assert ask(outer, execve) == ask(outer, prctl, 1) == ask(whole, prctl, 15) == ALLOW
    assert ask(starter, clone, process) == ALLOW
    assert ask(starter, kill) == EPERM
    if machine == "x86_64":
        assert verdict(whole, ARCH[machine], 0x40000000 + 39) == EPERM  # x32


def test_no_filter_is_guessed() -> None:
    assert call_filter(machine="riscv64") is None
