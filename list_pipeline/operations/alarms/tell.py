"""Telling what waits: each thing until it arrives, for a day, with growing pauses; repeated, it is the same to its receiver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from list_pipeline.core.alarms.events import (
    AlarmAction,
    Receiver,
    event_id,
    pagerduty_event,
    webhook_event,
)
from list_pipeline.core.errors import IntegrationError, TransientError
from list_pipeline.core.messages.delivery import DELIVERY, DeliveryState, pause_after
from list_pipeline.integrations.alarm_receivers import TIMEOUT_S, send_to_pagerduty, send_to_webhook
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.alarms.look import receivers
from list_pipeline.storage import alarms
from list_pipeline.storage.alarms import Telling

log = structlog.get_logger(__name__)

_MOST_A_TURN = 20
_CLAIMED_FOR = timedelta(seconds=2 * TIMEOUT_S)
"""Nobody else tries what a process has begun to tell; a killed one is followed after this time."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one attempt."""

    alarm_id: int
    receiver: Receiver
    action: AlarmAction
    state: DeliveryState
    error: str | None = None


def tell_waiting(services: Deciding, most: int = _MOST_A_TURN) -> list[Told]:
    """Tell what is due, oldest first. A failure is recorded and never raised. A turn ends with the first receiver that is
    away, so that each turn costs one timeout."""
    done: list[Told] = []
    while len(done) < most:
        now = services.clock.now()
        with services.database.begin() as connection:
            waiting = alarms.claim(connection, now, now + _CLAIMED_FOR)
        if waiting is None:
            break
        told, is_away = _tell(services, waiting)
        done.append(told)
        if is_away:
            break
    return done


def _tell(services: Deciding, waiting: Telling) -> tuple[Told, bool]:
    now = services.clock.now()
    if waiting.receiver not in receivers(services.settings):
        return _note(services, waiting, DeliveryState.SKIPPED, "it is not set up any more"), False
    if now - waiting.created_at > DELIVERY.given_up_after:
        log.error("an alarm never arrived", alarm_id=waiting.alarm_id, receiver=waiting.receiver.value)
        return _note(services, waiting, DeliveryState.EXPIRED, "too old to matter"), False
    try:
        _send(services, waiting)
    except IntegrationError as error:
        is_away = isinstance(error, TransientError)
        state = DeliveryState.UNKNOWN if is_away else DeliveryState.FAILED
        return _note(services, waiting, state, str(error), pause_after(waiting.attempts + 1)), is_away
    return _note(services, waiting, DeliveryState.SENT), False


def _send(services: Deciding, waiting: Telling) -> None:
    settings, alarm, action = services.settings, waiting.alarm, waiting.action
    if waiting.receiver is Receiver.PAGERDUTY:
        key = settings.secret("pagerduty_routing_key")
        send_to_pagerduty(settings.pagerduty_base_url, pagerduty_event(alarm, action, key, settings.dagster_url))
    else:
        send_to_webhook(settings.secret("alarm_webhook_url"), webhook_event(alarm, action), event_id(alarm, action))


def _note(
    services: Deciding, waiting: Telling, state: DeliveryState, error: str | None = None, pause: timedelta | None = None
) -> Told:
    now = services.clock.now()
    if error is not None:
        log.warning("an alarm was not told", receiver=waiting.receiver.value, state=state.value, error=error)
    with services.database.begin() as connection:
        alarms.note(
            connection,
            waiting.alarm_id,
            waiting.receiver,
            waiting.action,
            state,
            now,
            error=error,
            next_attempt_at=None if pause is None else now + pause,
        )
    return Told(waiting.alarm_id, waiting.receiver, waiting.action, state, error)
