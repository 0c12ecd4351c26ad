"""One look: what is wrong now, compared with the alarms that are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog

from list_pipeline.core.alarms.events import Receiver
from list_pipeline.core.alarms.problems import AlarmKind, Changes, Facts, Problem, changes
from list_pipeline.core.errors import ConfigurationError, TransientError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.delivery import DELIVERY
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.operations.monitoring.rollback_triggers import triggers
from list_pipeline.operations.people import named
from list_pipeline.operations.runs.attempts import given_up
from list_pipeline.operations.safety.restore_guard import why_stopped
from list_pipeline.operations.services import Services
from list_pipeline.settings import Settings
from list_pipeline.storage import alarms

log = structlog.get_logger(__name__)

T = TypeVar("T")


def receivers(settings: Settings) -> tuple[Receiver, ...]:
    """Whoever is told of alarms."""
    set_up = (
        (Receiver.PAGERDUTY, settings.pagerduty_routing_key is not None),
        (Receiver.WEBHOOK, settings.alarm_webhook_url is not None),
    )
    return tuple(receiver for receiver, is_there in set_up if is_there)


def look_for_alarms(services: Services) -> Changes:
    """Look what is wrong now, open and close alarms, and write down what is to be told of them.

    Raises:
        StatementFailedError, UnavailableError: the database does not answer; nothing was opened or closed.
    """
    facts = gather(services)
    now = services.clock.now()
    with services.database.begin() as connection:
        alarms.one_look(connection)
        found = changes(facts, alarms.open_alarms(connection))
        for problem in found.raised:
            alarms.raise_alarm(connection, problem, receivers(services.settings), now)
        for key in found.resolved:
            alarms.resolve_alarm(connection, key, now)
    for problem in found.raised:
        log.error("an alarm was raised", kind=problem.kind.value, reference=problem.reference, what=problem.summary)
    for kind, reference in found.resolved:
        log.info("an alarm is over", kind=kind.value, reference=reference)
    return found


def gather(services: Services) -> Facts:
    """What can be found out now; a part that cannot is not known."""
    now = services.clock.now()
    with services.database.begin() as connection:
        failing = alarms.failing_jobs(connection, now - MONITORING.memory)
        blocked = alarms.blocked_that_go(connection, now)
        bouncing = [ListRole(role).label for role in alarms.lists_to_clean(connection)]
        waiting = alarms.unreached(connection, now, DELIVERY.email_after)
    return Facts(
        stopped_because=_known(lambda: why_stopped(services) or ""),
        given_up=_known(lambda: given_up(services)),
        failing_jobs=failing,
        blocked_that_go=blocked,
        triggers=_known(lambda: _triggers(services)),
        bouncing_lists=bouncing,
        waiting=waiting,
    )


def _known(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except (ConfigurationError, TransientError) as error:
        log.warning("a part of the look for alarms could not be made", error=str(error))
        return None


def _triggers(services: Services) -> dict[str, str | None]:
    return {
        one.trigger.value: None if one.is_hit is None else one.words if one.is_hit else "" for one in triggers(services)
    }


def raise_test(services: Services, *, by: str) -> Problem:
    """Raise an alarm that says that it is a test; ``end_test`` ends it. Both are told.

    Raises:
        RefusedError: nobody is named.
        ConfigurationError: nobody would be told.
    """
    tried = "Trying alarms"
    by, told = named(by, tried), receivers(services.settings)
    if not told:
        raise ConfigurationError(tried, "nobody is told of alarms", "Set PAGERDUTY_ROUTING_KEY or ALARM_WEBHOOK_URL")
    now = services.clock.now()
    problem = Problem(AlarmKind.TEST, f"{now:%Y%m%dT%H%M%S%f}", f"{by} tries whether alarms arrive; nothing is wrong.")
    with services.database.begin() as connection:
        alarms.raise_alarm(connection, problem, told, now)
    return problem


def end_test(services: Services, problem: Problem) -> None:
    """End an alarm that was a test."""
    with services.database.begin() as connection:
        alarms.resolve_alarm(connection, problem.key, services.clock.now())
