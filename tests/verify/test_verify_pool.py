"""The worker pool: late children are killed and replaced, threads share it, nothing is left behind."""

from __future__ import annotations

import threading
import time

import pytest
from child_processes import children

from cotkit.verify.clean import clean
from cotkit.verify.parse import parse
from cotkit.verify.pool import Pool
from cotkit.verify.tree import Node


def tree(text: str) -> Node:
    return parse(clean(text))[0]


# Small enough to be let through, and sympy's simplify works on it for minutes.
SLOW = (
    tree(r"\sin(\cos(x)^{90}+\tan(y)^{80})^{70}(x+y+z)^{150}"),
    tree(r"\cos(x+y)^{200}\sin(y)^{100}"),
)


def test_equal_different_and_unknown() -> None:
    with Pool(cpu_s=20) as pool:
        assert pool.equivalent(tree(r"\sqrt{4x-400}"), tree(r"2\sqrt{x-100}")).equal is True
        assert pool.equivalent(tree("(x+1)^2"), tree("x^2+2x+3")).equal is False
        assert pool.equivalent(tree("x"), tree("y")).equal is None


def test_a_late_worker_is_killed_and_the_next_pair_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotkit.verify.pool._WALL_S", 1e6)  # CPU time alone ends it
    before = children()
    with Pool(cpu_s=0.5) as pool:
        assert pool.equivalent(tree("x+x"), tree("2x")).equal is True  # the worker is up
        for _ in range(2):
            late = pool.equivalent(*SLOW)
            assert (late.equal, late.reason) == (None, "timeout")
        assert pool.equivalent(tree("x+x"), tree("2x")).equal is True
        assert len(children() - before) == 1
    assert children() - before == set()


def test_workers_start_at_first_use_and_a_closed_pool_is_undecided() -> None:
    before = children()
    pool = Pool()
    assert children() - before == set()
    pool.close()
    assert pool.equivalent(tree("x"), tree("x")).reason == "pool_closed"
    assert children() - before == set()


def test_a_forgotten_pool_leaves_no_process() -> None:
    before = children()
    pool = Pool(cpu_s=20)
    assert pool.equivalent(tree("x"), tree("x")).equal is True
    assert len(children() - before) == 1
    del pool
    assert children() - before == set()


def test_several_threads_share_a_pool() -> None:
    wrong: list[object] = []
    with Pool(workers=2, cpu_s=20) as pool:

        def work(k: int) -> None:
            for n in range(8):
                same = pool.equivalent(tree(f"(x+{k})^2"), tree(f"x^2+{2 * k}x+{k * k}"))
                other = pool.equivalent(tree(f"x+{k}"), tree(f"x+{k + n + 1}"))
                if (same.equal, other.equal) != (True, False):
                    wrong.append((same, other))

        threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9^9}}",
        "9^{9^9}",
        "(10^{10})!",
        "((9!)!)!",
        "x^{10^{10}}",
        r"\binom{10^9}{5}",
        "2^{10^{100}}",
        "(x+y)^{99999}",
        "+".join(f"x^{{{n}}}" for n in range(2, 400)),
    ],
)
def test_what_is_too_large_never_reaches_a_worker(text: str) -> None:
    before = children()
    with Pool() as pool:
        start = time.thread_time()
        assert pool.equivalent(tree(text), tree("5")).equal is None
        assert time.thread_time() - start < 5  # computed, they would take for ever
        assert children() - before == set()


def test_a_worker_without_memory_is_undecided() -> None:
    with Pool(memory_mb=1) as pool:
        assert pool.equivalent(tree("x"), tree("x")).equal is None
