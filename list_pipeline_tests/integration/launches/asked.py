"""What the tests of launch changes have in common: drafts at Mailjet, and launch changes up to a certain point."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from list_pipeline.core.launches.changes import LaunchAction
from list_pipeline.core.lists import ListRole
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.launches.asking import ask_for_launch
from list_pipeline.operations.launches.deciding import approve_launch
from list_pipeline.operations.launches.looking import Wanted, look
from list_pipeline.operations.services import Services
from list_pipeline.storage.launches import Launch
from list_pipeline_tests.integration.accounts import Installation, plain_client
from list_pipeline_tests.integration.drafts import schedule

WHY = "agreed in the meeting"


def draft_of(made: Installation, role: ListRole = ListRole.CAMPAIGN_1, **parts: Any) -> int:
    """A person writes a campaign in Mailjet's own interface, and schedules nothing; the draft's id."""
    body: dict[str, Any] = {
        "Locale": "en_US",
        "Sender": "46935",
        "SenderEmail": "news@sender.example",
        "SenderName": "News",
        "Subject": "Letter 3",
        "Title": "Letter 3, round 1",
        "ContactsListID": made.account.lists[role],
    }
    with plain_client(made.server) as http:
        answer = http.post("/campaigndraft", json=body | parts)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["Data"][0]["ID"])


def edit(made: Installation, draft: int, **parts: Any) -> None:
    """A person changes a draft in Mailjet's own interface."""
    with plain_client(made.server) as http:
        assert http.put(f"/campaigndraft/{draft}", json=parts).status_code == 200


def write(made: Installation, draft: int, html: str) -> None:
    """A person writes another mail into a draft."""
    with plain_client(made.server) as http:
        answer = http.post(f"/campaigndraft/{draft}/detailcontent", json={"Html-part": html, "Text-part": "text"})
        assert answer.status_code == 201


def in_hours(made: Installation, hours: float) -> datetime:
    return made.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours + 1)


def programmed(made: Installation, services: Services, hours: float = 30) -> tuple[int, str, datetime]:
    """A draft that somebody scheduled at Mailjet, which we know: draft, key and time."""
    at = in_hours(made, hours)
    draft = schedule(made, at)
    (key,) = follow(services).new
    return draft, key, at


def follow(services: Services) -> Any:
    """A look at Mailjet's sends and drafts, as the sensors take it."""
    discover(services)
    return discover_upcoming(services)


def asked(
    services: Services,
    action: LaunchAction,
    target: object,
    at: datetime | None = None,
    *,
    may_decide: bool = False,
    note: str = WHY,
) -> Launch:
    """Ana looks at a launch change and asks for it."""
    wanted = Wanted(action, str(target), at)
    shown = look(services, wanted)
    return ask_for_launch(
        services, wanted, by="Ana", note=note, content_hash=shown.content.hash, may_decide=may_decide, way=Way.HTTP
    )


def approved(services: Services, action: LaunchAction, target: object, at: datetime | None = None) -> Launch:
    """... and Rea approves it."""
    launch = asked(services, action, target, at)
    return approve_launch(services, launch.launch_id, by="Rea", content_hash=launch.content_hash, way=Way.HTTP)


def posts(made: Installation, draft: int, action: str) -> int:
    """How often Mailjet was asked to send or schedule a draft, or to take its schedule back, since the counts were reset."""
    return sum(n for name, n in made.changing_requests().items() if name.endswith(action))
