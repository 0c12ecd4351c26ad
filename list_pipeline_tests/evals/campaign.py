"""Playing the scenarios under one behaviour of the model: against the sandbox over a socket, or against the real API.

Belongs here: who answers, and the round through the scenarios. Does not belong here: judging (the runners).
"""

from __future__ import annotations

import logging
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from list_pipeline.clock import SystemClock
from list_pipeline.integrations.gemini import DEFAULT_MODEL, GeminiClient
from list_pipeline.sandbox.gemini.service import BEHAVIOURS as SERVED
from list_pipeline.sandbox.gemini.service import GeminiService
from list_pipeline_tests.evals import health, injections, optimization, rebalancing, reporting, wrapup
from list_pipeline_tests.evals.asking import HurriedClock, RecordingModel
from list_pipeline_tests.evals.injections import InjectionResult
from list_pipeline_tests.evals.results import Result
from list_pipeline_tests.evals.scenarios import Injection, Scenario
from list_pipeline_tests.integration.views.serving import serving

BEHAVIOURS = (
    "well_behaved",
    "sloppy",
    "hostile",
    "false_statements",
    "text_in_ids",
    "prose_in_extra_fields",
    "everything",
    "nothing",
    "repeats",
    "huge",
    "invented_references",
    "truncated",
    "contradictory",
    "over_confident",
    "other_language",
    "missing_field",
    "blocked",
    "off",
)
"""How the sandbox's model may behave, the good one first."""
TRUSTED = ("well_behaved",)
"""The behaviours whose quality is measured."""
LIVE = "live"
"""The real API."""

_RUNNERS: dict[str, Callable[[Scenario, RecordingModel, str], Result]] = {
    "optimization": optimization.run,
    "health": health.run,
    "rebalancing": rebalancing.run,
    "reporting": reporting.run,
    "wrapup": wrapup.run,
}


def unknown_behaviours(wanted: Sequence[str]) -> list[str]:
    """Those that the sandbox does not have."""
    return [each for each in wanted if each not in SERVED]


@contextmanager
def sandbox_model(behaviour: str) -> Iterator[RecordingModel]:
    """The product's client on a sandbox of its own that behaves so."""
    clock = HurriedClock()
    with tempfile.TemporaryDirectory(prefix="list_pipeline-evals-") as folder:
        service = GeminiService(Path(folder), clock)
        with serving(service, "gemini") as served:
            if behaviour != "well_behaved":
                served.control("scenarios", {"behaviour": behaviour, "times": None})
            client = GeminiClient("sandbox-key", clock=clock, base_url=served.url)
            try:
                yield RecordingModel(client)
            finally:
                client.close()
        service.close()


@contextmanager
def live_model(api_key: str, model: str = DEFAULT_MODEL, pause_s: float = 0.0) -> Iterator[RecordingModel]:
    """The product's client on the real API."""
    client = GeminiClient(api_key, clock=SystemClock(), model=model)
    try:
        yield RecordingModel(client, pause_s)
    finally:
        client.close()


def play_scenario(behaviour: str, model: RecordingModel, scenario: Scenario) -> Result:
    """One scenario with one model. An advisor must not fail, so an exception is a broken rule like any other."""
    begun = time.perf_counter()
    try:
        result = _RUNNERS[scenario.advisor](scenario, model, behaviour)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported beside the scenario and fails the bars
        model.taken()
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = f"raised {type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {error}"
        result = Result(
            scenario.id, scenario.advisor, scenario.kind, behaviour, (), (what,), 0, 0, 0, (), None, (), 0, 0
        )
    return replace(result, seconds=time.perf_counter() - begun)


def play_sandboxed(
    behaviour: str, scenarios: Sequence[Scenario], texts: Sequence[Injection]
) -> tuple[list[Result], list[InjectionResult]]:
    """Scenarios and injections on a sandbox of their own."""
    with sandbox_model(behaviour) as model:
        results = [play_scenario(behaviour, model, scenario) for scenario in scenarios]
        return results, injections.play(texts, model, behaviour) if texts else []


def be_quiet() -> None:
    """For a process that only plays: a model that drops every connection is what was asked for here, and no news."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
