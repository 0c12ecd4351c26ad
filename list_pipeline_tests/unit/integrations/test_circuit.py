"""The circuit breaker, on a clock that moves only when somebody sleeps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import CircuitOpenError
from list_pipeline.integrations.circuit import CircuitBreaker
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import START
from list_pipeline_tests.virtual_clock import VirtualClock


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
