"""Reading from a Hub on loopback: little memory, patience with a busy Hub, one sentence for what is no such matter."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
from hub import HubServer
from hub_store import ATTRIBUTES, File, Repo

SHARDS, ROWS = 3, 200
CLIENT = """
import gc, json, sys, tracemalloc
import pyarrow
from cotkit.curate.sources.hub import HubSource
from cotkit.curate.pull import pull
from cotkit.errors import CotkitError
from cotkit.steps import NoProgress

def rows(**keys):
    source = HubSource(name="s", **keys)
    pins = source.materials({})
    return [row.values["q"].split()[0] for row in source.rows(pins)]

def held():
    gc.collect()
    return tracemalloc.get_traced_memory()[0] + pyarrow.total_allocated_bytes()

def held_at(*counts, **keys):
    source = HubSource(name="s", **keys)
    pins = source.materials({})
    tracemalloc.start()
    sizes = [held() for count, _ in enumerate(source.rows(pins)) if count in counts]
    tracemalloc.stop()
    return sizes

for line in sys.stdin:
    name, given, keys = json.loads(line)
    try:
        said = globals()[name](*given, **keys)
    except CotkitError as error:
        said = {"error": str(error)}
    print("ANSWER" + json.dumps(said), flush=True)
"""


def shard(first: int, rows: int, length: int = 10) -> File:
    texts = [f"p{first + i} " + os.urandom(length // 2).hex() for i in range(rows)]
    buffer = io.BytesIO()
    pq.write_table(pa.table({"q": texts}), buffer, row_group_size=100)
    return File(buffer.getvalue())


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        repo = server.repos["a/small"] = Repo(False)
        files = {f"data/train-{i:05}-of-{SHARDS:05}.parquet": shard(i * ROWS, ROWS) for i in range(SHARDS)}
        repo.add("main", None, {".gitattributes": File(ATTRIBUTES), **files}, "x")
        big = server.repos["a/big"] = Repo(False)
        files = {f"data/train-{i:05}-of-00004.parquet": shard(i * 4000, 4000, 10_000) for i in range(4)}
        big.add("main", None, {".gitattributes": File(ATTRIBUTES), **files}, "x")
        yield server


@pytest.fixture(scope="module")
def client(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    env = {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path_factory.mktemp("hf")), "HF_TOKEN": "hf_secretToken"}
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def call(name: str, *given: Any, **keys: Any) -> Any:
        hub.log.clear()
        stdin.write(json.dumps([name, given, keys]) + "\n")
        stdin.flush()
        for line in stdout:
            if line.startswith("ANSWER"):
                hub.faults.clear()
                return json.loads(line.removeprefix("ANSWER"))
        raise AssertionError(f"the client ended with {process.wait()}")

    yield call
    stdin.close()
    process.wait(60)


def test_a_long_source_needs_little_memory(client: Any) -> None:
    """160 MB of texts that do not compress, in four files: what is held at the same row of each does not grow."""
    client("rows", id="a/small")  # imports what it needs
    sizes = client("held_at", 1_000, 5_000, 9_000, 13_000, id="a/big")
    assert len(sizes) == 4
    # 30 MB may be on their way; three files are 120 MB.
    assert max(sizes) - sizes[0] < 60_000_000, sizes


# 425 is tried again by cotkit alone; what the client itself retries takes it half a minute to give up on.
@pytest.mark.parametrize("path", ["GET /api/datasets/a/small", "GET .*00000-of-00003", "GET .*00001-of-00003"])
@pytest.mark.parametrize("code", [425, 429])
def test_a_busy_hub_is_waited_for_and_no_row_is_lost_or_twice(
    client: Any, hub: HubServer, path: str, code: int
) -> None:
    hub.inject(path, code, times=2, headers={"Retry-After": "1"})
    assert client("rows", id="a/small") == [f"p{i}" for i in range(SHARDS * ROWS)]
    assert sum(call.code == code for call in hub.log) == 2


def test_a_stream_that_breaks_inside_a_file_goes_on_at_the_row(client: Any, hub: HubServer) -> None:
    """The third and last request for the second file fails: some of its rows are through, some are not."""
    match = "GET .*00001-of-00004"

    def fail_after(requests: int) -> None:
        if requests:
            hub.once_before(match, lambda: fail_after(requests - 1))
        else:
            hub.inject(match, 425, times=1)

    fail_after(2)
    assert client("rows", id="a/big") == [f"p{i}" for i in range(16_000)]
    assert sum(call.code == 425 for call in hub.log) == 1


def test_patience_ends_in_one_sentence(client: Any, hub: HubServer) -> None:
    hub.inject("GET .*00001-of-00003", 425, times=99)
    said = client("rows", id="a/small")["error"]
    assert said.startswith("the Hub answers 425 for a/small; check the network and run again later")
    assert "http" not in said
    assert sum(call.code == 425 for call in hub.log) == 5


@pytest.mark.parametrize(
    ("code", "header", "expected"),
    [
        (403, "GatedRepo", "is gated; accept its terms on its page and log in"),
        (404, "RepoNotFound", "has no dataset a/small that you may read"),
        (404, "RevisionNotFound", "has no revision v9"),
    ],
)
def test_what_is_no_matter_of_patience_is_asked_once(
    client: Any, hub: HubServer, code: int, header: str, expected: str
) -> None:
    hub.inject("GET /api/datasets/a/small", code, times=99, headers={"X-Error-Code": header})
    said = client("rows", id="a/small", revision="v9")["error"]
    assert expected in said
    assert "\n" not in said
    assert "secretToken" not in said
    assert sum(call.code == code for call in hub.log) == 1


def test_a_split_that_is_not_there_is_named(client: Any) -> None:
    said = client("rows", id="a/small", split="tset")["error"]
    assert "split tset" in said
    assert "train" in said


def test_a_file_of_a_repository_is_read_by_its_name(client: Any) -> None:
    assert client("rows", id="a/small", files=["data/train-00001-*.parquet"])[0] == "p200"
