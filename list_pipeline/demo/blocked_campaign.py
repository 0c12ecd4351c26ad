"""A campaign that must not go out as it is: a person put a suppressed contact back on its list, and made it mailable.

The person acts at the rehearsal Mailjet, as one does in its web application; the product learns of it by reading.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
from rich.table import Table

from list_pipeline.core.errors import ConfigurationError, PermanentError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.observations import DraftStatus
from list_pipeline.core.validation.checklist import Severity, ValidationRule
from list_pipeline.demo.dagster_daemon import evaluate_sensor
from list_pipeline.demo.showing import Stage, cards, console, say, show_messages
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.validation.validate import Validation, stored_validation
from list_pipeline.storage.database import fetch_all, fetch_scalar

SENSOR, JOB = "campaigns_to_validate", "pre_campaign_validation_job"
SENT_IN = timedelta(hours=3)
"""Less than the 3.25 hours by which a validation is due at the latest: it is due at once."""
NAME = "Letter at short notice"


def play(stage: Stage) -> None:
    """Plan the campaign and the mistake, let the sensor find it, and show what came of it."""
    services = stage.services
    with services.database.begin() as connection:
        sent = cycle_now(connection, services.clock.now()).sent
        contact_id = int(fetch_scalar(connection, "select min(contact_id) from contact_suppression_history"))
    role = next(each for each in CAMPAIGN_LISTS if each not in sent)
    at = (services.clock.now() + SENT_IN).replace(microsecond=0)
    with _person(stage) as person:
        draft_id = _program(person, services.list_ids[role], role, at)
        _put_back(person, services.list_ids[role], contact_id)
    console.rule("A campaign at short notice")
    say(f"Somebody programs a campaign to {role.label} for {at:%H:%M} UTC, puts contact {contact_id} back on that list")
    say("and lets it be mailed again, though it was suppressed. The sensor looks every five minutes, and here at once.")
    with stage.nothing_changes("the campaign was validated and blocked"):
        evaluate_sensor(SENSOR)
        outcome = stage.one_run(JOB)
    found = stored_validation(services, outcome.partition_key)
    if found is None:
        stage.prove("the campaign was validated", False)
        return
    _show(found)
    messages = stage.new_messages()
    show_messages(messages)
    _prove(stage, found, contact_id, draft_id, at, len(cards(messages)))


def _person(stage: Stage) -> httpx.Client:
    settings = stage.services.settings
    if settings.mailjet_api_key is None or settings.mailjet_secret_key is None:
        raise ConfigurationError(
            "Acting as a person at the sandbox",
            "its credentials are not in the environment",
            "Start it with `make demo`",
        )
    return httpx.Client(
        base_url=f"{settings.mailjet_base_url.rstrip('/')}/v3/REST/",
        auth=(settings.mailjet_api_key.get_secret_value(), settings.mailjet_secret_key.get_secret_value()),
        trust_env=False,
    )


def _do(person: httpx.Client, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = person.request(method, path, json=body)
    if answer.is_error:
        raise PermanentError("Acting as a person at the sandbox", f"it answered {answer.status_code}", "See its log")
    return answer.json()


def _program(person: httpx.Client, list_id: int, role: ListRole, at: datetime) -> int:
    draft = {
        "ContactsListID": list_id,
        "Locale": "en_US",
        "Sender": "46935",
        "SenderEmail": "news@sender.example",
        "SenderName": "News",
        "Subject": NAME,
        "Title": f"{NAME}, round {role.round_number}",
    }
    draft_id = int(_do(person, "POST", "campaigndraft", draft)["Data"][0]["ID"])
    _do(person, "POST", f"campaigndraft/{draft_id}/schedule", {"Date": at.strftime("%Y-%m-%dT%H:%M:%SZ")})
    return draft_id


def _put_back(person: httpx.Client, list_id: int, contact_id: int) -> None:
    lists = {"ContactsLists": [{"ListID": list_id, "Action": "addforce"}]}
    _do(person, "POST", f"contact/{contact_id}/managecontactslists", lists)
    _do(person, "PUT", f"contact/{contact_id}", {"IsExcludedFromCampaigns": False})


_MARKS = {Severity.PASSED: "✓", Severity.WARNING: "!", Severity.CRITICAL: "✗"}


def _show(found: Validation) -> None:
    table = Table("", "rule", "result", "what was found")
    for result in found.results:
        name = result.rule.value.replace("_", " ")
        table.add_row(_MARKS[result.severity], name, result.severity.value, result.words)
    console.print(table)
    say(f"The campaign is {found.campaign.status}. {found.fate}")


def _prove(stage: Stage, found: Validation, contact_id: int, draft_id: int, at: datetime, messages: int) -> None:
    services = stage.services
    with services.database.begin() as connection:
        (row,) = fetch_all(
            connection,
            "select status, blocked_by from campaign_schedule where mailjet_draft_id = :draft_id",
            draft_id=draft_id,
        )
        asked = int(fetch_scalar(connection, "select count(*) from schedule_change"))
    result = {each.rule: each for each in found.results}[ValidationRule.NOBODY_SUPPRESSED]
    stage.prove(
        f"the campaign is BLOCKED by its validation, for the one suppressed contact {contact_id}",
        (row["status"], row["blocked_by"]) == ("BLOCKED", "validation")
        and result.severity is Severity.CRITICAL
        and list(result.details.get("contact_ids", ())) == [contact_id],
    )
    # What is blocked is not taken back at Mailjet without BLOCK_CANCELS_SCHEDULE, and people are told so.
    draft = services.mailjet.drafts.one(draft_id)
    stage.prove(
        "its schedule at Mailjet was left alone, as BLOCK_CANCELS_SCHEDULE is off",
        draft.status == DraftStatus.PROGRAMMED and services.mailjet.drafts.scheduled_for(draft_id) == at and not asked,
    )
    stage.prove("one message about it arrived in Slack", messages == 1)
