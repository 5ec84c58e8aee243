"""What asking a teacher costs the asker: CPU a request, active time against the ideal, memory.

    python benchmarks/distill.py [cpu|long|tail|rss|step|stream|journal|kill|slots ...] [--rounds 3] [--curator PYTHON]

Each client runs in a process of its own against one small server process on the loopback; CPU a request is
(CPU of N prompts - CPU of 8 prompts) / (N - 8), so imports do not count. Rivals: `plain` is the script that people
write (AsyncOpenAI, a semaphore, append to a JSONL file), `aiohttp` the least that HTTP costs, `curator` is
bespokelabs-curator 0.1.31 where --curator names a Python that has it. cotkit's own numbers have all its book-keeping
in them: hashing, journal with fsync, reading, rows.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
GIVEN = {"chars": 8000, "latency": 0.05, "sigma": 0.0, "stream": False, "slots": 0, "retry_after": "1"}


# --- the server -----------------------------------------------------------------------------------------------


class Server(asyncio.Protocol):
    """Just enough HTTP: answers of a fixed length after a latency, and counts."""

    chars = 8000
    latency = 0.05
    sigma = 0.0
    stream = False
    slots = 0
    retry_after = "1"
    stats: dict[str, Any]
    whole: bytes
    events: bytes

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, sep, rest = self.buffer.partition(b"\r\n\r\n")
            if not sep:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.answer(head.split(b" ", 2)[1], rest[:length])

    def answer(self, path: bytes, body: bytes) -> None:
        cls = type(self)
        if path.startswith(b"/_reset"):
            given = json.loads(body)
            cls.chars, cls.latency, cls.sigma = given["chars"], given["latency"], given["sigma"]
            cls.stream = given["stream"]
            cls.stats = {
                "n": 0,
                "first": 0.0,
                "last": 0.0,
                "flight": 0,
                "most": 0,
                "latencies": [],
                "done": 0,
                "full": 0,
            }
            cls.slots, cls.retry_after = given["slots"], given["retry_after"]
            cls.whole = _completion(cls.chars)
            cls.events = _events(cls.chars)
            self.send(b"{}")
        elif path.startswith(b"/_stats"):
            self.send(json.dumps(cls.stats).encode())
        else:
            stats = cls.stats
            now = time.perf_counter()
            stats["first"] = stats["first"] or now
            stats["n"] += 1
            if cls.slots and stats["flight"] >= cls.slots:
                stats["full"] += 1
                wait_s = f"retry-after: {cls.retry_after}\r\n" if cls.retry_after else ""
                full = f"HTTP/1.1 429 Too Many\r\n{wait_s}content-length: 2\r\n\r\n{{}}"
                self.transport.write(full.encode())
                return
            stats["flight"] += 1
            stats["most"] = max(stats["most"], stats["flight"])
            wait = cls.latency
            if cls.sigma:
                mu = -(cls.sigma**2) / 2
                wait *= random.Random(stats["n"]).lognormvariate(mu, cls.sigma)
            stats["latencies"].append(wait)
            asyncio.get_running_loop().call_later(wait, self.done)

    def done(self) -> None:
        cls = type(self)
        cls.stats["flight"] -= 1
        if self.transport.is_closing():  # nobody is there any more: this answer is delivered to no one
            return
        cls.stats["done"] += 1
        cls.stats["last"] = time.perf_counter()
        if cls.stream:
            self.transport.write(cls.events)
        else:
            self.send(cls.whole)

    def send(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


def _completion(chars: int) -> bytes:
    text = "So the sum is 12, and then \\(x^2\\) follows. " * (chars // 44 + 1)
    message = {"role": "assistant", "content": "The answer is \\boxed{4}.", "reasoning_content": text[:chars]}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    usage = {"prompt_tokens": 30, "completion_tokens": chars // 4, "total_tokens": 30 + chars // 4}
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole).encode()


def _events(chars: int) -> bytes:
    """The same answer in pieces of 40 characters, as one chunked response."""
    text = ("So the sum is 12, and then \\(x^2\\) follows. " * (chars // 44 + 1))[:chars]
    pieces: list[dict[str, Any]] = [{"reasoning_content": text[i : i + 40]} for i in range(0, chars, 40)]
    pieces += [{"content": "The answer is \\boxed{4}."}]
    lines = []
    for piece in pieces:
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        lines.append(json.dumps({**chunk, "choices": [{"index": 0, "delta": piece, "finish_reason": None}]}))
    lines.append(json.dumps({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    lines.append(json.dumps({"id": "x", "choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 9}}))
    data = b"".join(b"data: " + line.encode() + b"\n\n" for line in lines) + b"data: [DONE]\n\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- the clients ----------------------------------------------------------------------------------------------


def prompts(n: int) -> Any:
    return ((f"p{i}", f"Problem {i}: what is {i} + {i + 1}? " + "It is a long story. " * 10) for i in range(n))


def client_cotkit(url: str, n: int, c: int, folder: Path, stream: bool) -> None:
    from cotkit.distill.teacher import Limits, Sampling, Teacher
    from cotkit.distill.traces import Told, distill_prompts

    out = (folder / "out.jsonl").open("w")

    def hear(told: Told) -> None:
        t = told.trace
        out.write(json.dumps({"id": t.problem_id, "reasoning": t.reasoning, "response": t.response}) + "\n")

    asked = ((name, [{"role": "user", "content": text}]) for name, text in prompts(n))
    teacher = Teacher.model_validate({"base_url": url, "model": "m", "stream": stream})
    distill_prompts(asked, teacher, Sampling(), Limits(concurrency=c), folder / "journal.sqlite", hear)


def client_plain(url: str, n: int, c: int, folder: Path, stream: bool) -> None:
    from openai import AsyncOpenAI

    async def main() -> None:
        client = AsyncOpenAI(base_url=url, api_key="none")
        slots = asyncio.Semaphore(c)
        out = (folder / "out.jsonl").open("a")

        async def one(name: str, text: str) -> None:
            async with slots:
                messages: Any = [{"role": "user", "content": text}]
                if stream:
                    said: dict[str, str] = {"reasoning_content": "", "content": ""}
                    async for chunk in await client.chat.completions.create(model="m", messages=messages, stream=True):
                        for choice in chunk.choices:
                            for key in said:
                                said[key] += getattr(choice.delta, key, None) or ""
                    row = {"id": name, "reasoning": said["reasoning_content"], "response": said["content"]}
                else:
                    answer = await client.chat.completions.create(model="m", messages=messages)
                    message = answer.choices[0].message
                    reasoning = getattr(message, "reasoning_content", None)
                    row = {"id": name, "reasoning": reasoning or "", "response": message.content or ""}
                out.write(json.dumps(row) + "\n")
                out.flush()

        await asyncio.gather(*(one(name, text) for name, text in prompts(n)))

    asyncio.run(main())


def client_aiohttp(url: str, n: int, c: int, folder: Path, _: bool) -> None:
    import aiohttp

    async def main() -> None:
        out = (folder / "out.jsonl").open("a")
        feed = iter(prompts(n))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=c)) as session:

            async def work() -> None:
                for name, text in feed:
                    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
                    async with session.post(f"{url}/chat/completions", json=body) as response:
                        message = json.loads(await response.read())["choices"][0]["message"]
                    out.write(json.dumps({"id": name, **message}) + "\n")

            await asyncio.gather(*(work() for _ in range(c)))

    asyncio.run(main())


def client_curator(url: str, n: int, c: int, folder: Path, _: bool) -> None:
    os.environ.update(CURATOR_CACHE_DIR=str(folder), TELEMETRY_ENABLED="0", CURATOR_DISABLE_RICH_DISPLAY="1")
    import tiktoken  # type: ignore[import-not-found]

    class Encoding:
        """Its own fetches a file from the Internet, to count tokens for its limits."""

        def encode(self, text: str, **_: Any) -> list[int]:
            return [0] * (len(text) // 4)

    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda _: Encoding()
    from bespokelabs import curator  # type: ignore[import-not-found]

    llm = curator.LLM(
        model_name="gpt-4o-mini",
        backend="openai",
        backend_params={
            "base_url": url,
            "api_key": "none",
            "max_concurrent_requests": c,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 1_000_000_000,
        },
    )
    llm([text for _, text in prompts(n)])


def client_kept(url: str, n: int, c: int, _: Path, stream: bool) -> None:
    """cotkit with a journal that outlives it, for the kill trial."""
    client_cotkit(url, n, c, Path(os.environ["BENCH_FOLDER"]), stream)


def client_step(url: str, n: int, c: int, folder: Path, stream: bool) -> None:
    """The distill step as a run does it, from the table of problems to the table of traces."""
    from cotkit.distill.step import Distill

    teacher = {"base_url": url, "model": "m", "stream": stream}
    run_step(Distill.model_validate({"step": "distill", "teacher": teacher, "limits": {"concurrency": c}}), n, folder)


def client_construct(url: str, n: int, c: int, folder: Path, stream: bool) -> None:
    """The same of a construct step with one call a problem."""
    from cotkit.distill.construct import Construct

    strategy = {"by": "star", "attempts": 1, "hinted": 0}
    keys = {"teacher": {"base_url": url, "model": "m", "stream": stream}, "limits": {"concurrency": c}}
    run_step(Construct.model_validate({"step": "construct", "strategy": strategy, **keys}), n, folder)


def run_step(step: Any, n: int, folder: Path) -> None:
    from cotkit.records import Problem, frame
    from cotkit.run.cut import Shard
    from cotkit.run.shards import Job, join
    from cotkit.run.tables import write_table
    from cotkit.steps import StepContext

    (folder / "work").mkdir()
    rows = (Problem(name, text, "4") for name, text in prompts(n))
    write_table(folder / "problems.parquet", frame(Problem, rows))
    context = StepContext(seed=0, work=folder / "work", run=folder)
    job = Job(step, Shard(), {Problem: folder / "problems.parquet"}, folder / "shards", context)
    job.run()
    assert join([job], folder / "work").kept == n


def run_client(kind: str, url: str, n: int, c: int, stream: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        globals()[f"client_{kind}"](url, n, c, Path(folder), stream)
        wall = time.perf_counter() - began
        cpu = sum(
            u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print("RESULT " + json.dumps({"cpu": cpu, "rss": rss, "wall": wall}))


# --- measuring ------------------------------------------------------------------------------------------------


class Bench:
    def __init__(self, curator: str | None) -> None:
        self.process = subprocess.Popen([sys.executable, str(HERE), "_serve"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.curator = curator

    def call(self, path: str, data: Any = None) -> Any:
        body = json.dumps(data).encode() if data is not None else b"{}"
        request = urllib.request.Request(self.url + path, data=body, method="POST")  # noqa: S310 (loopback)
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)

    def run(self, kind: str, n: int, c: int, **server: Any) -> dict[str, Any]:
        given = {**GIVEN, **server}
        self.call("/_reset", given)
        python = self.curator if kind == "curator" and self.curator else sys.executable
        stream = "1" if given["stream"] else ""
        command = [python, str(HERE), "_client", kind, f"{self.url}/v1", str(n), str(c), stream]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), None)
        if line is None:
            raise SystemExit(f"{kind} failed: {done.stderr[-800:]}")
        result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
        stats = self.call("/_stats")
        active = stats["last"] - stats["first"]
        result |= {"active": active, "ideal": ideal(stats["latencies"], c), "most": stats["most"], "n": stats["n"]}
        result["full"] = stats["full"]
        result["to_first"] = stats["first"] - started
        return result

    def cpu(self, kind: str, n: int, c: int, rounds: int, **server: Any) -> float:
        """Milliseconds of CPU a request: the best of the rounds, since other work on the machine only adds."""
        few: float = min(self.run(kind, 8, c, **server)["cpu"] for _ in range(rounds))
        many: float = min(self.run(kind, n, c, **server)["cpu"] for _ in range(rounds))
        return 1000 * (many - few) / (n - 8)


def ideal(latencies: list[float], c: int) -> float:
    """Time of the best schedule in this order on c slots."""
    slots = [0.0] * min(c, len(latencies) or 1)
    for wait in latencies:
        heapq.heappush(slots, heapq.heappop(slots) + wait)
    return max(slots)


def bench_cpu(bench: Bench, rounds: int, chars: int = 8000, n: int = 2000) -> None:
    kinds = ["aiohttp", "plain", *(["curator"] if bench.curator else []), "cotkit"]
    for c in (256, 1000):
        found = {kind: bench.cpu(kind, n, c, rounds, chars=chars) for kind in kinds}
        for kind in kinds:
            ratio = f"cotkit / {kind} = {found['cotkit'] / found[kind]:.2f}"
            print(
                f"cpu   c={c:<5} {chars // 1000}k chars  {kind:<8} {found[kind]:6.3f} ms a request   {ratio}",
                flush=True,
            )


def bench_stream(bench: Bench, rounds: int) -> None:
    found = {kind: bench.cpu(kind, 500, 256, rounds, stream=True, latency=0.2) for kind in ("plain", "cotkit")}
    whole = bench.cpu("cotkit", 500, 256, rounds, latency=0.2)
    for kind, value in found.items():
        print(f"stream c=256 202 chunks   {kind:<8} {value:6.3f} ms an answer", flush=True)
    print(f"stream cotkit: {1000 * (found['cotkit'] - whole) / 202:.1f} us a chunk above an answer in one piece")


def bench_tail(bench: Bench, rounds: int) -> None:
    for c in (256, 1000):
        for kind in ("plain", "cotkit"):
            runs = [bench.run(kind, 2000, c, latency=1.0, sigma=0.6) for _ in range(rounds)]
            best = min(runs, key=lambda r: r["active"])
            print(
                f"tail  c={c:<5} {kind:<8} active {best['active']:6.2f} s = {best['active'] / best['ideal']:.3f} x "
                f"ideal {best['ideal']:.2f}  most in flight {best['most']}  first after {best['to_first']:.2f} s",
                flush=True,
            )


def bench_step(bench: Bench, rounds: int) -> None:
    for kind in ("step", "construct"):
        sizes = []
        for n in (8, 2_000, 20_000):
            runs = [bench.run(kind, n, 256, latency=0.01) for _ in range(rounds)]
            sizes.append(statistics.median(run["rss"] for run in runs))
            cpu = min(run["cpu"] for run in runs)
            print(
                f"{kind:9} c=256   {n:,} answers of 8,000 characters: {sizes[-1]:.0f} MB, {cpu:.1f} CPU s", flush=True
            )
        print(f"{kind:9} c=256   20,000 / 2,000 = {sizes[2] / sizes[1]:.2f} x the memory")


def bench_rss(bench: Bench, rounds: int) -> None:
    sizes = [
        statistics.median(bench.run("cotkit", n, 256, latency=0.01)["rss"] for _ in range(rounds))
        for n in (2000, 50_000)
    ]
    print(
        f"rss   c=256   2,000 prompts {sizes[0]:.0f} MB, 50,000 prompts {sizes[1]:.0f} MB = {sizes[1] / sizes[0]:.2f} x"
    )


def bench_journal(_: Bench, __: int) -> None:
    """A journal of 100,000 answers: open, and look up the first 256."""
    from cotkit.distill.journal import Entry, Journal
    from cotkit.distill.request import hash_text

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        body = _completion(2000)

        def entry(i: int) -> Entry:
            text = json.dumps({"n": i})
            return Entry(hash_text(text), text, body, 200, 1.0, "2026-01-01T00:00:00+00:00", "0")

        with Journal.open(path) as journal:
            journal.put_all(map(entry, range(100_000)))
        began = time.perf_counter()
        with Journal.open(path) as journal:
            found = journal.get_many(entry(i).request_hash for i in range(256))
        took = time.perf_counter() - began
        print(
            f"journal 100,000 answers ({path.stat().st_size / 1e6:.0f} MB): open and find {len(found)} in {took:.3f} s"
        )


def bench_kill(bench: Bench, _: int) -> None:
    """kill -9 at 20 random moments of 1,000 prompts: answers that went out before the kill and are asked again.

    Until the process is gone (5 to 300 ms, by the disk that its threads wait for) the server goes on sending answers
    that nobody receives; they are told apart.
    """
    from cotkit.distill.journal import read_journal

    dice, n, c = random.Random(5), 1000, 128
    answered = again = unheard = lost = 0
    for _kill in range(20):
        with tempfile.TemporaryDirectory() as folder:
            bench.call("/_reset", {**GIVEN, "latency": 0.5, "sigma": 0.6})
            command = [sys.executable, str(HERE), "_client", "kept", f"{bench.url}/v1", str(n), str(c), ""]
            environment = {**os.environ, "BENCH_FOLDER": folder}
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            moment = dice.randrange(20, 980)
            while bench.call("/_stats")["done"] < moment:
                time.sleep(0.01)
            time.sleep(dice.uniform(0, 0.2))  # or the moment would always lie within a burst of answers
            process.kill()
            done = bench.call("/_stats")["done"]
            process.wait()
            gone = bench.call("/_stats")["done"]
            kept = sum(1 for _ in read_journal(Path(folder) / "journal.sqlite"))
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            whole = sum(1 for _ in read_journal(Path(folder) / "journal.sqlite"))
            answered, again, lost = answered + done, again + max(0, done - kept), lost + n - whole
            unheard += gone - max(done, kept)
    part = 1000 * again / answered
    print(
        f"kill  20 kills: {answered:,} answered, {again} of them asked again = {part:.1f} per 1,000, {lost} lost; "
        f"{unheard} more were sent to the dying processes"
    )


def bench_slots(bench: Bench, rounds: int) -> None:
    """A server for 64 at once, asked by 256, with Retry-After 1 s and without."""
    for n, latency in ((1000, 0.2), (2000, 0.5)):
        for wait_s in ("1", ""):
            runs = [bench.run("cotkit", n, 256, latency=latency, slots=64, retry_after=wait_s) for _ in range(rounds)]
            best = min(runs, key=lambda r: r["active"])
            best["ideal"] = n / 64 * latency
            print(
                f"slots n={n} latency {latency} Retry-After {wait_s or 'none'}: {best['active']:.2f} s = "
                f"{best['active'] / best['ideal']:.2f} x ideal, "
                f"{best['full']} of {best['n']} requests turned away = {best['full'] / best['n']:.1%}"
            )


def main() -> None:
    if sys.argv[1:2] == ["_serve"]:
        asyncio.run(serve())
        return
    if sys.argv[1:2] == ["_client"]:
        kind, url, n, c, stream = sys.argv[2:7]
        run_client(kind, url, int(n), int(c), bool(stream))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["cpu", "long", "tail", "rss", "step", "stream", "journal"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--curator", help="a Python that has bespokelabs-curator")
    options = parser.parse_args()
    bench = Bench(options.curator)
    try:
        for what in options.what:
            if what == "long":
                bench_cpu(bench, options.rounds, chars=64_000, n=1000)
            else:
                globals()[f"bench_{what}"](bench, options.rounds)
    finally:
        bench.process.terminate()


if __name__ == "__main__":
    main()
