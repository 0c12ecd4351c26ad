"""The digests that are due: made once a period, put into the outbox in the same transaction, and e-mailed where that is asked
for.

One that was missed while nothing ran is made as soon as something does, the latest of each period only: what is older is in the
next one's history, and nobody reads five at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.digest.message import DigestFacts, digest_message
from list_pipeline.core.digest.periods import Period, last_due
from list_pipeline.core.errors import IntegrationError
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.delivery import DELIVERY
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.core.rebalancing.balance import deviation
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import Delivery, email_sender, post, queue
from list_pipeline.settings import Settings
from list_pipeline.storage import alarms, digest, safety
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage.messages import Outgoing
from list_pipeline.storage.monitoring import job_runs, metrics, present

log = structlog.get_logger(__name__)

_EMAILED_WITHIN = timedelta(days=1)


def wanted(settings: Settings) -> tuple[Period, ...]:
    """The digests that the settings ask for."""
    return tuple(Period(part) for part in settings.digests.split(",") if part)


def send_digests(services: Telling) -> list[Delivery]:
    """Make and send what is due. A failure of Slack or of the e-mail is recorded, not raised; either is tried again."""
    sent = [delivery for period in wanted(services.settings) if (delivery := _send(services, period)) is not None]
    _email(services)
    return sent


def _send(services: Telling, period: Period) -> Delivery | None:
    settings, now = services.settings, services.clock.now()
    due_at = last_due(period, now, settings.digest_hour, settings.digest_weekday)
    with services.database.begin() as connection:
        if safety.begin_mode(connection, now)["first_started_at"] >= due_at:
            return None
        if not digest.make(connection, period, due_at, now):
            return None
        message = digest_message(period, due_at, gather(connection, period, due_at), _names(settings))
        row = queue(services, connection, Outgoing(keys.digest(period, due_at), message.text, message.blocks))
    log.info("digest made", period=period.value, due_at=due_at.isoformat())
    return post(services, row)


def _names(settings: Settings) -> list[str]:
    return [name for part in settings.list_reviewers.split(",") if (name := part.strip())]


def gather(connection: Connection, period: Period, due_at: datetime) -> DigestFacts:
    """What is told of the span that ends at an instant; what waits, is wrong and how long lists are is of now."""
    start = due_at - period.span
    found, sizes = digest.counts(connection, start, due_at), present.list_sizes(connection)
    use = metrics.advisor_use(connection, start, due_at)
    share = None
    if sizes.keys() >= set(CAMPAIGN_LISTS):
        first, second, third = (sizes[role][1] for role in CAMPAIGN_LISTS)
        share = deviation((first, second, third))
    return DigestFacts(
        maintenances=digest.maintenances(connection, start, due_at),
        suppressed=int(found["suppressed"]),
        moved=int(found["moved"]),
        decided=int(found["decided"]),
        validated=int(found["validated"]),
        blocked=int(found["blocked"]),
        waiting=int(found["waiting"]),
        oldest=found["oldest"],
        failed_runs={
            job: failed for job, (_, failed) in job_runs.failures_by_job(connection, start, due_at).items() if failed
        },
        lost=int(found["lost"]),
        alarms=[str(row["summary"]) for row in alarms.latest(connection, 20) if row["resolved_at"] is None],
        sizes=sizes,
        deviation_percent=None if share is None else float(100 * share),
        questions=sum(one.questions for one in use),
        cost_usd=sum(one.cost_usd for one in use),
        without_price=sum(one.without_price for one in use),
        requests=int(found["requests"]),
    )


def _email(services: Telling) -> None:
    """E-mail digests to DIGEST_EMAIL_TO, each once. Mailjet knows no idempotency key: after a lost answer one may come
    twice."""
    settings = services.settings
    if settings.digest_email_to is None:
        return
    sender = email_sender(services, settings.digest_email_to)
    if sender is None:
        return
    now = services.clock.now()
    with services.database.begin() as connection:
        row = digest.to_email(connection, now - _EMAILED_WITHIN, DELIVERY.email_attempts)
        if row is None:
            return
        period, due_at = Period(row["period"]), row["due_at"]
        key = keys.digest(period, due_at)
        found = message_rows.find(connection, MessageKey(key))
    if found is None:
        return
    text = as_text(SlackMessage(found.text, found.blocks)).strip()
    try:
        sender.send(text.splitlines()[0], f"{text}\n", key)
    except IntegrationError as error:
        log.error("a digest could not be sent by e-mail", period=period.value, error=str(error))
        return
    with services.database.begin() as connection:
        digest.emailed(connection, period, due_at, services.clock.now())
