"""Those who page people: PagerDuty's Events API v2, and a webhook that takes JSON.

Belongs here: one request and its typed errors. Does not belong here: what an event says (``core.alarms.events``), and when
one is tried again (``operations.alarms``). Routing key and URL of the webhook are secrets and stand in no log, error or repr.

Both are told again after a lost answer: PagerDuty takes an event with the same key for de-duplication as the same incident,
and a webhook gets the same name of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from list_pipeline.core.errors import AuthenticationError, PermanentError, RateLimitedError, TransientError
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.tls import tls_context

TIMEOUT_S = 10.0
_ENQUEUE = "/v2/enqueue"


def send_to_pagerduty(base_url: str, event: Mapping[str, Any]) -> None:
    """Hand an event to PagerDuty.

    Raises:
        AuthenticationError: the routing key is refused. PermanentError: the event is. Neither changes by itself.
        RateLimitedError, TransientError: it may not have been taken; repeating it does no harm.
    """
    tried = "Telling PagerDuty of an alarm"
    status = _post(tried, base_url.rstrip("/") + _ENQUEUE, event, {})
    if status == 202:
        return
    if status == 400:
        raise AuthenticationError(tried, "it refused the event (400)", "Check PAGERDUTY_ROUTING_KEY")
    _raise(tried, status, "Check PAGERDUTY_BASE_URL and PAGERDUTY_ROUTING_KEY")


def send_to_webhook(url: str, event: Mapping[str, Any], event_id: str) -> None:
    """Post an event to a webhook; any status of 2xx takes it. Raises as ``send_to_pagerduty``."""
    tried = "Telling the webhook of an alarm"
    status = _post(tried, url, event, {"Idempotency-Key": event_id})
    if 200 <= status < 300:
        return
    _raise(tried, status, "Check ALARM_WEBHOOK_URL")


def _post(tried: str, url: str, event: Mapping[str, Any], headers: Mapping[str, str]) -> int:
    failure = ""
    with httpx.Client(
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=not is_loopback(urlsplit(url).hostname),
        verify=tls_context(),
    ) as http:
        try:
            return http.post(url, json=dict(event), headers=dict(headers)).status_code
        except httpx.HTTPError as error:
            # Not raised from it: httpx's errors hold the request, and with it the secret.
            failure = type(error).__name__
    raise TransientError(tried, f"no answer ({failure})", "It is tried again")


def _raise(tried: str, status: int, check: str) -> None:
    happened = f"status {status}"
    if status == 429:
        raise RateLimitedError(tried, happened, "It is tried again")
    if status in (401, 403):
        raise AuthenticationError(tried, happened, check)
    if status >= 500 or status in (200, 408, 425):
        # A page in place of an answer, also with status 200: a proxy or an outage.
        raise TransientError(tried, happened, "It is tried again")
    raise PermanentError(tried, happened, check)
