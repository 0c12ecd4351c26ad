"""Campaigns that a person schedules in Mailjet's own interface."""

from __future__ import annotations

from datetime import datetime

from list_pipeline.core.lists import ListRole
from list_pipeline_tests.integration.accounts import Installation, plain_client


def schedule(made: Installation, at: datetime, role: ListRole = ListRole.CAMPAIGN_1, draft: int | None = None) -> int:
    """A person writes a campaign in Mailjet's own interface and schedules it; the draft's id."""
    with plain_client(made.server) as http:
        if draft is None:
            body = {
                "Locale": "en_US",
                "Sender": "46935",
                "SenderEmail": "news@sender.example",
                "Subject": "Letter 3",
                "Title": "Letter 3, round 1",
                "ContactsListID": made.account.lists[role],
            }
            draft = int(http.post("/campaigndraft", json=body).json()["Data"][0]["ID"])
        answer = http.post(f"/campaigndraft/{draft}/schedule", json={"Date": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
        assert answer.status_code == 201, answer.text
    return draft


def unschedule(made: Installation, draft: int) -> None:
    with plain_client(made.server) as http:
        assert http.delete(f"/campaigndraft/{draft}/schedule").status_code == 204
