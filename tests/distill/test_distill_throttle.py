"""The throttle and the buckets, with a clock of the test's own."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotkit.distill.teacher import Limits, Ramp
from cotkit.distill.throttle import Bucket, Throttle


def simulate(
    capacity: list[int], *, most: int, seconds: float, noise: int = 0, dice: random.Random | None = None
) -> tuple[list[float], int, int]:
    """A server that bears capacity[second] at once, answers of one second; (limits, 429s, answers).

    Every `noise`-th request gets a 429 for nothing, or with dice one in so many.
    """
    throttle = Throttle(Ramp(start=most, min=1, max=most), quick=True)
    flying: deque[tuple[float, int]] = deque()
    sent = bad = good = 0
    limits = []
    now = 0.0
    while now < seconds:
        while flying and flying[0][0] <= now:
            flying.popleft()
            throttle.answered(now)
            good += 1
        room = capacity[min(int(now), len(capacity) - 1)]
        tries = 0
        while len(flying) < int(throttle.limit) and tries < 8:  # as many as reach the server in one tick
            tries += 1
            sent += 1
            stray = noise and (dice.random() < 1 / noise if dice else sent % noise == 0)
            if len(flying) >= room or stray:
                bad += 1
                throttle.limited(sent, sent, len(flying) + 1, now)
                break
            flying.append((now + 1.0, sent))
        if throttle.opening:
            throttle.open_wider()
        limits.append(throttle.limit)
        now += 0.01
    return limits, bad, good


def test_a_small_server_is_found_and_kept_busy() -> None:
    limits, bad, good = simulate([64], most=256, seconds=60)
    assert bad <= 0.1 * (bad + good)
    assert good >= 0.85 * 64 * 59
    assert max(limits[3000:]) <= 2 * 64


def test_stray_429s_do_not_slow_a_run_down() -> None:
    limits, _, good = simulate([10_000], most=128, seconds=30, noise=100)
    assert min(limits[200:]) >= 64
    assert good >= 0.85 * 128 * 29


@pytest.mark.parametrize("most", [8, 16, 64, 256])
@pytest.mark.parametrize(("noise", "least"), [(20, 0.75), (10, 0.75), (3, 0.5)])
def test_many_429s_that_fewer_requests_do_not_help_leave_the_run_wide(most: int, noise: int, least: float) -> None:
    _, bad, good = simulate([10_000], most=most, seconds=240, noise=noise, dice=random.Random(20))
    assert good >= least * most * 239
    assert bad <= 1.4 * (bad + good) / noise


def test_a_small_server_with_stray_429s_is_kept_busy() -> None:
    _, bad, good = simulate([16], most=64, seconds=120, noise=20, dice=random.Random(20))
    assert good >= 0.9 * 16 * 119
    assert bad <= 0.16 * (bad + good)  # of which a third is stray


def test_a_server_that_shrinks_is_followed() -> None:
    limits, bad, good = simulate([64] * 20 + [16] * 100, most=256, seconds=120)
    assert bad <= 0.1 * (bad + good)
    assert limits[-1] <= 20


def test_after_a_storm_the_whole_width_is_back() -> None:
    limits, _, _ = simulate([128] * 5 + [4] * 10 + [128] * 60, most=128, seconds=75)
    assert min(limits[600:1500]) <= 8
    assert limits[-1] == 128
    # Twenty seconds after the storm it is all there again.
    assert limits[3500] == 128


def test_a_fixed_number_does_not_move() -> None:
    throttle = Throttle(Limits(concurrency=Ramp(start=7, min=7, max=7)).ramp, quick=False)
    for number in range(1, 200):
        throttle.limited(number, number, 7, number * 0.1)
        throttle.answered(number * 0.1)
        assert throttle.limit == 7


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300), st.floats(-5, 5)), max_size=200), st.integers(1, 50))
def test_the_limit_stays_between_min_and_max(events: list[tuple[bool, int, float]], least: int) -> None:
    throttle = Throttle(Ramp(start=max(least, 60), min=least, max=256), quick=False)
    now = 0.0
    for sent, (is_bad, in_flight, step) in enumerate(events, 1):
        now += step  # also backwards
        if is_bad:
            throttle.limited(sent, sent + 3, in_flight, now)
        else:
            throttle.answered(now)
        assert least <= throttle.limit <= 256


@given(st.integers(1, 5000), st.lists(st.integers(1, 400), min_size=1, max_size=150))
def test_no_minute_holds_more_than_the_limit(per_minute: int, amounts: list[int]) -> None:
    now, went = 0.0, []
    bucket = Bucket(per_minute, now)
    small = [min(a, max(1, per_minute // 10)) for a in amounts]
    for amount in small:
        while (wait := bucket.wait(amount, now)) > 0:
            now += wait
        bucket.take(amount)
        went.append((now, amount))
    for start, _ in went:
        assert sum(a for t, a in went if start <= t < start + 60) <= per_minute * 1.001 + 1e-6


def full_at(throttle: Throttle, in_flight: int) -> None:
    """A server that bears eight fewer than are out refuses these."""
    while throttle.limit < in_flight:
        throttle.open_wider()
    for refused in range(8):
        throttle.limited(in_flight - refused, in_flight, in_flight - refused, 0.0)


def test_after_a_pause_of_the_servers_own_all_that_it_bore_goes_again() -> None:
    plain = Throttle(Ramp(start=256, min=1, max=256), quick=True)
    full_at(plain, 72)
    assert plain.limit <= 36
    plain.paused()
    assert 60 <= plain.limit <= 66


def test_a_ramp_comes_back_from_the_half() -> None:
    ramp = Throttle(Ramp(start=72, min=8, max=256), quick=False)
    full_at(ramp, 72)
    ramp.paused()
    assert ramp.limit <= 36
