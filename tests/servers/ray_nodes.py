"""Ray nodes as `ray start` makes them: processes of their own on this machine."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# Ports of its own choosing: two nodes of one machine would choose the same ones.
_OPTIONS = ("--object-store-memory=100000000", "--min-worker-port=0", "--max-worker-port=0", "--block")


@dataclass(frozen=True)
class Node:
    address: str
    process: subprocess.Popen[bytes]

    def running(self) -> list[str]:
        """What its processes call themselves."""
        return list(names_of(descendants(self.process.pid)).values())

    def kill(self) -> None:
        """Its raylet, and with that the node, without a word to anyone."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        (raylet,) = (pid for pid in pids if _program(pid) == "raylet")
        os.kill(int(raylet), signal.SIGKILL)


def environment() -> None:
    """What Ray reads when it is imported: every process of a cluster has one token, and nothing is sent anywhere."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0123456789abcdef" * 4)


@contextmanager
def node(cpus: int, address: str | None = None) -> Iterator[Node]:
    """A node for the time of a with block: the head of a new cluster, or one more of that at `address`."""
    where = address or f"127.0.0.1:{_free_port()}"
    role = [f"--address={where}"] if address else ["--head", f"--port={where.rpartition(':')[2]}"]
    role += [] if address else ["--include-dashboard=false"]
    # The paths of its sockets must be short.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *role, f"--num-cpus={cpus}"]
        log = Path(folder, "log")
        with log.open("wb") as out:
            process = subprocess.Popen([*command, f"--temp-dir={folder}", *_OPTIONS], stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 150
            while "Ray runtime started" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield Node(where, process)
        finally:
            # Asked to end, it would wait half a minute for actors that Ray Data leaves behind.
            for pid in [process.pid, *descendants(process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def descendants(pid: int) -> Iterator[int]:
    """The processes that one has started, and those that they have."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from descendants(child)


def names_of(pids: Iterable[int]) -> dict[int, str]:
    """Those that are still there -> what they call themselves."""
    found = {}
    for pid in pids:
        try:
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            continue
    return {pid: name for pid, name in found.items() if name}


def _program(pid: str) -> str:
    """Empty where it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _free_port() -> int:
    """Below those that Linux chooses by itself: until Ray takes it, it is given to nobody else."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
