"""The engine `ray`: the same shards on the machines of a Ray cluster, through Ray Data.

Ray carries which shard is to be done and that it is done, a few hundred bytes each; tables go from disk to disk, so the
run directory has to lie where every machine sees it. A shard whose machine dies is run again on another one.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from cotkit.cores import SHARE
from cotkit.engine import AnyJob, Engine
from cotkit.errors import EngineError, InputError
from cotkit.run.engines.errand import alone, portable

# What a Ray of our own may keep in shared memory: shards travel as their numbers.
_STORE_BYTES = 100 * 2**20
# So long the head of a cluster may take to accept a connection, and as long to say a word.
_ANSWER_S = 10.0
# How a connection of HTTP/2 begins (RFC 9113, 3.4), with empty settings; the other side answers with its own settings.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_HEADER, _KIND, _SETTINGS = 9, 3, 4


class Ray(Engine):
    """Shards on a Ray cluster; on this machine alone where no address is given."""

    kind: Literal["ray"] = "ray"
    address: str | None = Field(
        None,
        min_length=1,
        description="Of a running cluster: HOST:PORT of its head, or auto for the one that this machine belongs to. "
        "Ray is started on this machine for the time of a step when left out.",
    )
    workers: int = Field(2, ge=1, le=10_000, description="Actors that work on shards, one shard at a time each.")
    cpus: float = Field(
        0.5,
        gt=0,
        le=256,
        description="Processors that Ray reserves for an actor. Where the actors reserve all of a machine, Ray's own "
        "tasks find none and all wait for ever. A whole number is also the actor's share: so many processes may grade.",
    )

    def run(self, jobs: Sequence[AnyJob], ended: Callable[[AnyJob], None]) -> None:
        if not jobs:
            return
        if any(job.step.alone for job in jobs):
            alone(jobs, ended)
            return
        with connected(self.address) as ray:
            for number, error in self._results(ray, jobs, self._fitting(ray)):
                if error is not None:
                    raise pickle.loads(error)  # noqa: S301 - our own bytes
                ended(jobs[number])

    def _results(self, ray: Any, jobs: Sequence[AnyJob], workers: int) -> Iterator[tuple[int, bytes | None]]:
        from ray import data as ray_data

        context = ray_data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        items = [{"number": number, "job": pickle.dumps(job)} for number, job in enumerate(jobs)]
        # A block for each shard: blocks are what Ray hands out, and what it makes again when a machine dies.
        results = ray_data.from_items(items, override_num_blocks=len(items)).map_batches(
            Actor,
            fn_constructor_args=(max(1, int(self.cpus)),),
            batch_size=1,
            batch_format="numpy",
            compute=ray_data.ActorPoolStrategy(size=min(workers, len(jobs)), max_tasks_in_flight_per_actor=1),
            num_cpus=self.cpus,
        )
        try:
            for row in results.iter_rows():
                yield int(row["number"]), row["error"]
        except ray.exceptions.RayError as error:
            raise EngineError(
                f"engine.ray: the cluster gave up ({_line(error)}); run the same command again: it goes on with the "
                f"shards that are missing"
            ) from error

    def _fitting(self, ray: Any) -> int:
        """How many workers to start: those that are wanted, or of a cluster that has lost machines as many as it has
        place for. Ray waits without an end for processors that it never gets.

        Raises InputError where the cluster was never big enough, or is not big enough for one.
        """
        there = float(ray.cluster_resources().get("CPU", 0))
        if self.workers * self.cpus <= there:
            return self.workers
        if self.cpus <= there and not all(machine["Alive"] for machine in ray.nodes()):
            # One processor is for Ray's own tasks, where there are several.
            return max(1, int((there - 1) / self.cpus))
        raise InputError(
            f"engine: {self.workers} workers of {self.cpus:g} processors each need more than the {there:g} of the "
            f"cluster; set fewer engine.workers, or a smaller engine.cpus"
        )


class Actor:
    """One worker, wherever Ray puts it."""

    def __init__(self, share: int) -> None:
        os.environ[SHARE] = os.environ["POLARS_MAX_THREADS"] = str(share)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Runs the one shard of the batch; an error comes back as a value, since Ray would wrap it or try again."""
        job = pickle.loads(batch["job"][0])  # noqa: S301 - our own bytes
        error: Exception | None = None
        try:
            _must_see(job.context.run)
            job.run()
        except Exception as raised:  # noqa: BLE001 - the run's own process raises it
            error = portable(raised, job)
        return {"number": batch["number"], "error": [None if error is None else pickle.dumps(error)]}


def _must_see(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(
            f"{folder}: the machine {os.uname().nodename} does not see this folder; put the run directory "
            f"(--out) on a disk that all machines of the cluster share, under one path"
        )


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, for the time of a with block. Raises InputError where it is not installed, EngineError without a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray sets variables for accelerators that it finds none of; and it says so once in each process.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Its native part writes into the user's terminal; what is wrong reaches us as an exception.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
    except ImportError as error:
        raise InputError('engine: Ray is not installed; pip install "cotkit[ray]", or take kind: local') from error
    own = {} if address else {"object_store_memory": _STORE_BYTES, "include_dashboard": False}
    is_there = False
    main = threading.current_thread() is threading.main_thread()
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        is_there = _must_answer(address)
        with _hushed():
            ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **own)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if is_there:
            raise EngineError(
                f"engine.address: {address} does not let this program in ({_line(error)}); it needs the Ray and Python "
                f"versions of the cluster and its token: the same RAY_AUTH_MODE, and RAY_AUTH_TOKEN or "
                f"RAY_AUTH_TOKEN_PATH"
            ) from error
        raise EngineError(
            f"engine.address: no Ray cluster answers at {address or 'this machine'} ({_line(error)}); start one with "
            f"`ray start --head`, or leave the address out"
        ) from error
    if main and on_sigterm is not None:
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray puts its own in its place, which tells stacks
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _hushed() -> Iterator[None]:
    """Ray's native part tells the terminal that it was told to be quiet; what fails raises an exception."""
    terminal = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _must_answer(address: str | None) -> bool:
    """Whether something listens there that speaks gRPC, as far as an address tells; Ray itself would try for minutes.

    Raises OSError where nothing does.
    """
    host, colon, port = (address or "").rpartition(":")
    if not (colon and port.isdigit() and "/" not in host):
        return False
    with socket.create_connection((host, int(port)), timeout=_ANSWER_S) as line:
        if os.environ.get("RAY_USE_TLS", "0") == "0":
            line.sendall(_HELLO)
            with line.makefile("rb") as words:
                said = words.read(_HEADER)
            if len(said) < _HEADER or said[_KIND] != _SETTINGS:
                raise ConnectionError("what listens there is no Ray")
    return True


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
