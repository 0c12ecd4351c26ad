"""A scripted Mailjet for unit tests: answers one after the other, and everything that was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline_tests.limiter import InMemoryLimiter
from list_pipeline_tests.virtual_clock import VirtualClock

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
API_KEY = "key-of-the-tests"
SECRET_KEY = "secret-of-the-tests"

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def envelope(rows: Sequence[Mapping[str, Any]], status: int = 200) -> httpx.Response:
    """A success as Mailjet writes it: Total repeats Count."""
    return httpx.Response(status, json={"Count": len(rows), "Data": list(rows), "Total": len(rows)})


def counted(number: int) -> httpx.Response:
    """The answer to countOnly."""
    return httpx.Response(200, json={"Count": number, "Data": [], "Total": number})


def refusal(status: int, message: Any = "", info: Any = "", headers: Mapping[str, str] | None = None) -> httpx.Response:
    """An error in the classic shape."""
    body = {"ErrorInfo": info, "ErrorMessage": message, "StatusCode": status}
    return httpx.Response(status, json=body, headers=dict(headers or {}))


class Script:
    """Plays the answers in order; asked more often, it fails the test."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self._answers, f"not expected: {request.method} {request.url.path}"
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def left(self) -> int:
        return len(self._answers)

    def query(self, index: int) -> dict[str, str]:
        return dict(self.requests[index].url.params)

    def body(self, index: int) -> Any:
        return json.loads(self.requests[index].content)


def client(
    handler: Callable[[httpx.Request], httpx.Response], clock: VirtualClock | None = None, **parts: Any
) -> MailjetClient:
    """A client that talks to the handler, on a clock that stands still unless it sleeps."""
    clock = clock or VirtualClock(START)
    parts.setdefault("limiter", InMemoryLimiter(300, clock))
    parts.setdefault("base_url", "https://mailjet.example")
    return MailjetClient(
        api_key=API_KEY, secret_key=SECRET_KEY, clock=clock, transport=httpx.MockTransport(handler), **parts
    )


def list_row(list_id: int = 5776, **changed: Any) -> dict[str, Any]:
    return {
        "Address": "abcdefghi",
        "CreatedAt": "2025-11-06T13:38:49Z",
        "ID": list_id,
        "IsDeleted": False,
        "Name": "Master",
        "SubscriberCount": 3,
    } | changed


def contact_row(contact_id: int = 124, **changed: Any) -> dict[str, Any]:
    return {
        "CreatedAt": "2025-09-16T10:35:56Z",
        "DeliveredCount": 0,
        "Email": f"person{contact_id}@example.com",
        "ExclusionFromCampaignsUpdatedAt": "",
        "ID": contact_id,
        "IsExcludedFromCampaigns": False,
        "IsOptInPending": False,
        "IsSpamComplaining": False,
        "LastActivityAt": "",
        "LastUpdateAt": "",
        "Name": "",
        "UnsubscribedAt": "",
        "UnsubscribedBy": "",
    } | changed


def recipient_row(recipient_id: int = 1, list_id: int = 7, **changed: Any) -> dict[str, Any]:
    return {
        "ContactID": recipient_id + 10_000,
        "ID": recipient_id,
        "IsActive": True,
        "IsUnsubscribed": False,
        "ListID": list_id,
        "ListName": "Campaign list 1",
        "SubscribedAt": "2025-06-20T09:20:44Z",
        "UnsubscribedAt": "",
    } | changed


def campaign_row(campaign_id: int = 7_390_730, **changed: Any) -> dict[str, Any]:
    return {
        "CampaignType": 2,
        "ClickTracked": 1,
        "CreatedAt": "2026-02-28T10:45:08Z",
        "CustomValue": "mj.nl=44098",
        "FirstMessageID": 95_420_017_985_181_303,
        "FromEmail": "news@example.org",
        "FromID": 46_935,
        "FromName": "News",
        "HasHtmlCount": 1,
        "HasTxtCount": 1,
        "ID": campaign_id,
        "IsDeleted": False,
        "IsStarred": False,
        "ListID": 36_735,
        "NewsLetterID": 44_098,
        "OpenTracked": 1,
        "SendEndAt": "2026-02-28T11:00:00Z",
        "SendStartAt": "2026-02-28T10:45:08Z",
        "SpamassScore": 0,
        "Status": 0,
        "Subject": "Spring",
        "UnsubscribeTrackedCount": 0,
    } | changed


def message_row(message_id: int, campaign_id: int = 77, **changed: Any) -> dict[str, Any]:
    return {
        "ArrivedAt": "2026-02-28T10:45:08Z",
        "CampaignID": campaign_id,
        "ContactAlt": "",
        "ContactID": 254_509_966,
        "ID": message_id,
        "StatePermanent": False,
        "Status": "sent",
        "Subject": "",
        "UUID": "606434fb-5cf2-4ee8-adaf-fd8dcf60890a",
    } | changed


def counter_row(campaign_id: int = 77, **changed: Any) -> dict[str, Any]:
    return {
        "APIKeyID": 1,
        "EventClickedCount": 0,
        "MessageBlockedCount": 12,
        "MessageClickedCount": 3,
        "MessageDeferredCount": 1,
        "MessageHardBouncedCount": 5,
        "MessageOpenedCount": 8,
        "MessageQueuedCount": 0,
        "MessageSentCount": 15,
        "MessageSoftBouncedCount": 4,
        "MessageSpamCount": 2,
        "MessageUnsubscribedCount": 6,
        "SourceID": campaign_id,
        "Timeslice": "",
        "Total": 37,
    } | changed
