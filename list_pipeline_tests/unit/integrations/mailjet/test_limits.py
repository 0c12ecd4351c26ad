"""The limiter of one process and the circuit breaker, on a clock that moves only when somebody sleeps."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.clock import VirtualClock
from list_pipeline.core.errors import CircuitOpenError
from list_pipeline.integrations.circuit import CircuitBreaker
from list_pipeline.integrations.limits import SLOWED_FOR, WINDOW, InMemoryLimiter
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import START


def most_in_any_window(granted: list[datetime]) -> int:
    return max(sum(1 for other in granted if first <= other < first + WINDOW) for first in granted)


@given(limit=st.integers(1, 8), pauses=st.lists(st.floats(0, 90, allow_nan=False), min_size=1, max_size=40))
def test_no_window_of_sixty_seconds_holds_more_requests_than_allowed(limit: int, pauses: list[float]) -> None:
    clock = VirtualClock(START)
    limiter = InMemoryLimiter(limit, clock)
    granted = []
    for pause in pauses:
        clock.sleep(pause)
        limiter.acquire()
        granted.append(clock.now())
    assert most_in_any_window(granted) <= limit


@given(
    limit=st.integers(2, 9),
    before=st.integers(0, 9),
    pauses=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=25),
)
def test_a_429_halves_what_the_following_minutes_allow(limit: int, before: int, pauses: list[float]) -> None:
    clock = VirtualClock(START)
    limiter = InMemoryLimiter(limit, clock)
    for _ in range(min(before, limit)):
        limiter.acquire()
    limiter.slow_down()
    slowed_at, granted = clock.now(), []
    for pause in pauses:
        clock.sleep(pause)
        limiter.acquire()
        granted.append(clock.now())
    slow = [instant for instant in granted if instant < slowed_at + SLOWED_FOR]
    assert not slow or most_in_any_window(slow) <= limit // 2
    assert most_in_any_window(granted) <= limit


def test_the_full_allowance_returns_after_five_minutes() -> None:
    clock = VirtualClock(START)
    limiter = InMemoryLimiter(4, clock)
    limiter.slow_down()
    clock.advance(SLOWED_FOR)
    for _ in range(4):
        limiter.acquire()
    assert clock.now() == START + SLOWED_FOR


def test_a_limiter_never_waits_longer_than_needed() -> None:
    clock = VirtualClock(START)
    limiter = InMemoryLimiter(2, clock)
    limiter.acquire()
    clock.sleep(10)
    limiter.acquire()
    limiter.acquire()
    assert clock.now() == START + WINDOW


def test_threads_share_one_allowance() -> None:
    clock = VirtualClock(START)
    limiter = InMemoryLimiter(50, clock)
    threads = [threading.Thread(target=lambda: [limiter.acquire() for _ in range(10)]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == START
    limiter.acquire()
    assert clock.now() == START + WINDOW


def test_a_limiter_without_any_allowance_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        InMemoryLimiter(0, VirtualClock(START))


def test_the_circuit_opens_after_five_failures_in_a_row_and_says_why() -> None:
    circuit = CircuitBreaker("Mailjet", VirtualClock(START))
    for _ in range(4):
        circuit.enter("Reading")
        circuit.failed("status 503")
    assert circuit.is_closed
    circuit.enter("Reading")
    circuit.failed("status 503")
    with pytest.raises(CircuitOpenError, match=r"Reading: not tried: Mailjet failed 5 times in a row \(status 503\)"):
        circuit.enter("Reading")


def test_a_success_in_between_starts_the_count_again() -> None:
    circuit = CircuitBreaker("Mailjet", VirtualClock(START))
    for _ in range(4):
        circuit.failed("status 503")
    circuit.succeeded()
    for _ in range(4):
        circuit.failed("status 503")
    assert circuit.is_closed, "eight failures, and never five in a row"
    circuit.failed("status 503")
    assert not circuit.is_closed, "the count began again at the success, and it does count"


def opened(clock: VirtualClock) -> CircuitBreaker:
    circuit = CircuitBreaker("Mailjet", clock)
    for _ in range(5):
        circuit.failed("no answer in time")
    return circuit


def test_after_thirty_seconds_one_probe_goes_through_and_no_second_one() -> None:
    clock = VirtualClock(START)
    circuit = opened(clock)
    clock.advance(timedelta(seconds=29.9))
    with pytest.raises(CircuitOpenError):
        circuit.enter("Reading")
    clock.advance(timedelta(seconds=0.1))
    circuit.enter("Reading")
    with pytest.raises(CircuitOpenError):
        circuit.enter("Reading")


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    clock = VirtualClock(START)
    circuit = opened(clock)
    clock.advance(timedelta(seconds=30))
    circuit.enter("Reading")
    circuit.succeeded()
    assert circuit.is_closed
    circuit.failed("status 500")
    circuit.enter("Reading")


def test_a_probe_that_fails_opens_the_circuit_for_as_long_again() -> None:
    clock = VirtualClock(START)
    circuit = opened(clock)
    clock.advance(timedelta(seconds=30))
    circuit.enter("Reading")
    circuit.failed("status 500")
    clock.advance(timedelta(seconds=29))
    with pytest.raises(CircuitOpenError):
        circuit.enter("Reading")
    clock.advance(timedelta(seconds=1))
    circuit.enter("Reading")


def test_a_probe_that_never_left_gives_its_turn_back() -> None:
    clock = VirtualClock(START)
    circuit = opened(clock)
    clock.advance(timedelta(seconds=30))
    circuit.enter("Reading")
    circuit.abandoned()
    assert not circuit.is_closed, "nothing was learnt about the service"
    circuit.enter("Reading")
    with pytest.raises(CircuitOpenError):
        circuit.enter("Reading")
    circuit.succeeded()
    assert circuit.is_closed
