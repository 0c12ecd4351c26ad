"""Questions that are asked at the same time, each within a time, of which none keeps another from being answered.

Belongs here: threads, time limits and errors as answers. Does not belong here: any question (``dependencies``, ``preflight``).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import carrying_context
from list_pipeline.storage.server_clock import ServerClock


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. ``problem``: why there is none, in words; ``found`` is None then. ``latency_ms``: None: too late."""

    found: Any = None
    problem: str | None = None
    latency_ms: int | None = None


Question = Callable[[Services], Any]
"""Asks, and returns what it found; whatever it raises is its answer."""


def ask_all(
    services: Services, questions: Mapping[str, Question], timeout_s: float
) -> tuple[datetime, Mapping[str, Answered]]:
    """Ask every question at the same time. None is waited for longer than ``timeout_s``; nothing is raised.

    A question whose answer did not come in time is left behind in a thread that does not keep the process alive.

    Returns:
        When they were asked (UTC), and the answers by the names of the questions.
    """
    if isinstance(services.clock, ServerClock):
        # A question itself is whether the database answers, and spans are all that the clock is needed for.
        services.clock.may_guess = True
    started = services.clock.now()
    with suppress(ListPipelineError):
        # Made before the threads, several of which need it; a missing setting is what they will find out.
        _ = services.database
    waiting = {name: _ask(services, question) for name, question in questions.items()}
    return started, {name: _answer(answers, timeout_s) for name, answers in waiting.items()}


def _ask(services: Services, question: Question) -> queue.SimpleQueue[Answered]:
    answers: queue.SimpleQueue[Answered] = queue.SimpleQueue()

    def run() -> None:
        began = services.clock.now()
        found, problem = None, None
        try:
            found = question(services)
        except ListPipelineError as error:
            problem = redact_addresses(str(error))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer: this cannot be used
            problem = f"the check failed ({type(error).__name__})"
        spent_ms = round((services.clock.now() - began) / timedelta(milliseconds=1))
        answers.put(Answered(found, problem, spent_ms))

    threading.Thread(target=carrying_context(run), name="question", daemon=True).start()
    return answers


def _answer(answers: queue.SimpleQueue[Answered], timeout_s: float) -> Answered:
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        return Answered(problem=f"no answer within {timeout_s:g} s")
