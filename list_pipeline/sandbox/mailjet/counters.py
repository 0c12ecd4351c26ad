"""``statcounters``: totals by campaign, list or account, for life or in slices of time.

Belongs here: counting messages and events. Does not belong here: the messages themselves (``messages``).
"""

from __future__ import annotations

from typing import Any

from list_pipeline.sandbox.account import API_KEY_ID, Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet.messages import current_status
from list_pipeline.sandbox.mailjet.states import DELIVERED, Status
from list_pipeline.sandbox.mailjet.wire import ApiError, Parameters, as_integer, date, envelope, read_page

_SLICES = {"highest": 300, "hour": 3600, "day": 86_400, "lifetime": 0}
_SHORT = {"c": "campaign", "a": "apikey", "e": "event", "m": "message", "s": "highest", "d": "day", "h": "hour"}


def handle(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/statcounters``."""
    if request.method != "GET" or segments:
        raise ApiError(405, "Method not allowed")
    parameters = Parameters(request, account.switches)
    source = (parameters.text("CounterSource") or "").lower()
    timing = (parameters.text("CounterTiming") or "").lower()
    resolution = (parameters.text("CounterResolution") or "").lower()
    short = (parameters.text("CounterType") or "").lower()
    if len(short) == 3:
        source, timing = _SHORT.get(short[0], ""), _SHORT.get(short[1], "")
        resolution = "lifetime" if short[2] == "l" else _SHORT.get(short[2], "")
    ids = parameters.text("SourceId", "SourceIDs", "CampaignID")
    since, until = parameters.instant("FromTS"), parameters.instant("ToTS")
    page = read_page(parameters, {"ID": ("id", False)})
    parameters.finish(not_modelled=("APIKeyID", "IdentityID"))
    if source not in ("campaign", "apikey", "list"):
        raise ApiError(400, 'Invalid or missing value for filter "CounterSource"')
    if timing not in ("message", "event"):
        raise ApiError(400, 'Invalid or missing value for filter "CounterTiming"')
    if resolution not in _SLICES:
        raise ApiError(400, 'Invalid or missing value for filter "CounterResolution"')
    if resolution == "lifetime" and (since is not None or until is not None):
        raise ApiError(400, "FromTS and ToTS are not allowed with CounterResolution Lifetime")
    if source != "apikey" and ids is None:
        raise ApiError(400, f'Missing value for filter "SourceId" with CounterSource {source}')
    numbers = [as_integer(part, "SourceId") for part in ids.split(",")] if ids and source != "apikey" else [0]
    rows: list[dict[str, Any]] = []
    for number in numbers:
        rows.extend(_rows(account, source, timing, _SLICES[resolution], number, since, until))
    return envelope(rows[page.offset : page.offset + page.limit])


def _rows(
    account: Account, source: str, timing: str, slice_seconds: int, number: int, since: int | None, until: int | None
) -> list[dict[str, Any]]:
    moment = account.moment() - account.switches.number("stats_lag_seconds")
    status = current_status(moment)
    # Mail that has only just arrived is counted with its early status, as the delay of real counters would show it.
    moved = f"(CASE WHEN m.event_at <= {int(moment)} THEN m.event_at ELSE m.arrived_at END)"
    column = "m.arrived_at" if timing == "message" else moved
    bucket = f"({column} / {slice_seconds}) * {slice_seconds}" if slice_seconds else "0"
    conditions, values = ["m.arrived_at <= ?"], [int(moment)]
    if source == "campaign":
        conditions.append("m.campaign_id = ?")
        values.append(number)
    elif source == "list":
        conditions.append("m.campaign_id IN (SELECT id FROM campaign WHERE list_id = ?)")
        values.append(number)
    if since is not None:
        conditions.append(f"{column} > ?")
        values.append(since)
    if until is not None:
        conditions.append(f"{column} <= ?")
        values.append(until)
    found = account.store.rows(
        f"SELECT {bucket} AS slice, {status} AS status, count(*) AS messages,"
        " sum(m.event_at - m.arrived_at) AS delay"
        f" FROM message m WHERE {' AND '.join(conditions)} GROUP BY 1, 2 ORDER BY 1",
        values,
    )
    slices: dict[int, dict[int, tuple[int, int]]] = {}
    for row in found:
        slices.setdefault(row["slice"], {})[row["status"]] = (row["messages"], row["delay"])
    if not slices and not slice_seconds:
        slices[0] = {}
    return [_counters(number, slice_start, by_status) for slice_start, by_status in slices.items()]


def _counters(number: int, slice_start: int, by_status: dict[int, tuple[int, int]]) -> dict[str, Any]:
    def count(*statuses: int) -> int:
        return sum(by_status.get(status, (0, 0))[0] for status in statuses)

    def delay(*statuses: int) -> int:
        return sum(by_status.get(status, (0, 0))[1] for status in statuses)

    opened = (Status.OPENED, Status.CLICKED, Status.UNSUB)
    sent, hard = count(*DELIVERED), count(Status.HARD)
    soft, blocked = count(Status.SOFT), count(Status.BLOCKED)
    deferred, queued = count(Status.DEFERRED), count(Status.PROCESSED, Status.QUEUED)
    return {
        "APIKeyID": API_KEY_ID,
        "EventClickDelay": delay(Status.CLICKED),
        "EventClickedCount": count(Status.CLICKED),
        "EventOpenDelay": delay(*opened),
        "EventOpenedCount": count(*opened),
        "EventSpamCount": count(Status.SPAM),
        "EventUnsubscribedCount": count(Status.UNSUB),
        "EventWorkflowExitedCount": 0,
        "MessageBlockedCount": blocked,
        "MessageClickedCount": count(Status.CLICKED),
        "MessageDeferredCount": deferred,
        "MessageHardBouncedCount": hard,
        "MessageOpenedCount": count(*opened),
        "MessageQueuedCount": queued,
        "MessageSentCount": sent,
        "MessageSoftBouncedCount": soft,
        "MessageSpamCount": count(Status.SPAM),
        "MessageUnsubscribedCount": count(Status.UNSUB),
        "MessageWorkFlowExitedCount": 0,
        "SourceID": number,
        "Timeslice": date(slice_start),
        "Total": sent + hard + soft + blocked + deferred + queued,
    }
