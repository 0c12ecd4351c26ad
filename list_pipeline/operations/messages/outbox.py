"""Messages to people through the outbox: each is a row before it is posted, is posted once, and is tried until it
arrives.

Belongs here: delivery by Slack's API or webhook, threads, retries, the e-mail for what Slack does not take, and what is
known about it all afterwards. Does not belong here: what a message says, and which one is sent (``links`` and who
calls).

A failure of Slack or of the e-mail is recorded and never raised.

Four guards keep a message from going out twice: its key, under which the table has one row (``queue``); an advisory lock
while it is posted (``storage.messages.held``); the attempt that is counted before the request, so that the next one looks
in Slack first (``integrations.slack``); and the life of a delivery, which leaves a settled row alone
(``core.messages.delivery``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from pydantic import SecretStr
from sqlalchemy import Connection

from list_pipeline.core.errors import IntegrationError, RateLimitedError, StateChangedError, TransientError
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.delivery import (
    DELIVERY,
    Channel,
    DeliveryState,
    pause_after,
)
from list_pipeline.core.messages.keys import MessageKey, ThreadKey
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text, safe_message, without_charts
from list_pipeline.core.reviews.buttons import subjects_in
from list_pipeline.core.wording import instant_text
from list_pipeline.integrations.email import EmailSender
from list_pipeline.integrations.slack import (
    DeliveryUnknownError,
    MessageRefusedError,
    PostedMessage,
    SlackClient,
    ThreadLostError,
    post_to_webhook,
)
from list_pipeline.operations.access import Deciding, Storing, Telling
from list_pipeline.settings import Settings
from list_pipeline.storage import message_buttons
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage.messages import Outgoing, StoredMessage

log = structlog.get_logger(__name__)

_BETWEEN_POSTS_S = 1.0
"""Slack takes about one message a second in a channel."""
_MOST_A_TURN = 20
"""Messages of one turn of the sensor, which has a minute."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message, ``pending`` while another process is posting it; and where it is.

    ``is_passing``: it failed in a way that others will fail as well right now.
    """

    state: DeliveryState
    key: str
    channel: str | None = None
    ts: str | None = None
    permalink: str | None = None
    error: str | None = None
    is_passing: bool = False


def deliver(
    services: Telling,
    key: MessageKey,
    message: SlackMessage,
    *,
    campaign_id: int | None = None,
    log_id: int | None = None,
    health_check_id: int | None = None,
    thread_key: ThreadKey | MessageKey | None = None,
    important: bool = False,
    broadcast: bool = False,
) -> Delivery:
    """Post a message once. A failure of Slack is recorded and never raised: the message stays in the outbox and is sent later.

    Args:
        key: what makes the message one: a second call with it finds the first.
        campaign_id: the campaign it is about. ``log_id``, ``health_check_id``: the row of the ledger it reports.
        thread_key: what it is about (``core.messages.keys``), or the key of another message: it is posted below
            the first message about that; the first one itself, and one whose parent is gone, is a message of its own.
        important: critical, failed, or a person is needed: an e-mail tells it where Slack does not.
        broadcast: from a thread, show it in the channel as well; for what is critical.
    """
    outgoing = Outgoing(
        key,
        message.text,
        message.blocks,
        campaign_id=campaign_id,
        log_id=log_id,
        health_check_id=health_check_id,
        thread_key=thread_key,
        is_important=important,
        is_broadcast=broadcast,
    )
    with services.database.begin() as connection:
        row = queue(services, connection, outgoing, message.details)
    return post(services, row)


def queue(
    services: Deciding, connection: Connection, outgoing: Outgoing, details: SlackMessage | None = None
) -> StoredMessage:
    """Put a message into the outbox within the caller's transaction; ``post`` it afterwards, or the sensor does.

    One that Slack would refuse is replaced by its plain text, so that it is never stuck. Its details are a row of their own,
    posted after it and below it; through a webhook, which knows no threads, as a second message.
    """
    row = _queue(services, connection, outgoing)
    # One that arrived has its details below it, or is of a version that told everything in one message.
    if details is not None and row.state is not DeliveryState.SENT:
        below = Outgoing(
            keys.details(outgoing.key),
            details.text,
            details.blocks,
            campaign_id=outgoing.campaign_id,
            thread_key=outgoing.thread_key or outgoing.key,
        )
        _queue(services, connection, below)
    return row


def _queue(services: Deciding, connection: Connection, outgoing: Outgoing) -> StoredMessage:
    kept, found = safe_message(outgoing.text, outgoing.blocks)
    if found:
        log.error("a message is not as Slack takes it; its plain text is sent", key=outgoing.key, problems=found[:5])
    if services.settings.slack_charts == "text":
        kept = SlackMessage(kept.text, without_charts(kept.blocks))
    now = services.clock.now()
    row = message_rows.queue(
        connection, replace(outgoing, text=kept.text, blocks=kept.blocks), now + DELIVERY.first_retry, now
    )
    message_buttons.add(connection, row.notification_id, subjects_in(row.blocks))
    return row


def post(services: Telling, row: StoredMessage) -> Delivery:
    """Post a message that stands in the outbox, if it did not arrive before, and its details below it. A failure of Slack is
    recorded, not raised."""
    delivery = _post_row(services, row)
    with services.database.begin() as connection:
        below = message_rows.find(connection, keys.details(MessageKey(row.message_key)))
    if below is None or below.attempts or below.state not in (DeliveryState.PENDING, DeliveryState.SKIPPED):
        return delivery
    if delivery.state is DeliveryState.SKIPPED or delivery.channel == Channel.EMAIL:
        with services.database.begin() as connection:
            leave_out(connection, MessageKey(below.message_key), delivery.error or "told in the e-mail of its message")
    elif delivery.state is DeliveryState.SENT:
        _post_row(services, below)
    return delivery


def _post_row(services: Telling, row: StoredMessage) -> Delivery:
    with message_rows.held(services.database, row.notification_id) as held:
        if held is None:
            return Delivery(DeliveryState.PENDING, row.message_key, error="another process is posting it")
        if held.state in (DeliveryState.SENT, DeliveryState.EXPIRED):
            return _as_it_is(held)
        try:
            if services.slack is not None:
                return _post(services, services.slack, held)
            return _post_to_webhook(services, held)
        except StateChangedError as error:
            return _after_another(services, held, error)


def leave_out(connection: Connection, key: MessageKey, reason: str) -> bool:
    """Record within the caller's transaction that a queued message is not posted, and why. False: it was posted by somebody
    else in between, or given up."""
    try:
        message_rows.not_sent(connection, key, DeliveryState.SKIPPED, reason, None)
    except StateChangedError:
        return False
    below = message_rows.find(connection, keys.details(key))
    return below is None or leave_out(connection, keys.details(key), reason)


def _as_it_is(row: StoredMessage) -> Delivery:
    return Delivery(row.state, row.message_key, row.channel, row.message_ts, row.permalink, row.last_error)


def _after_another(services: Storing, row: StoredMessage, error: StateChangedError) -> Delivery:
    """The connection that held the message is gone, and another process settled it meanwhile: what that one wrote stands."""
    log.error("a message was settled by another process", key=row.message_key, error=str(error))
    with services.database.begin() as connection:
        return _as_it_is(message_rows.by_key(connection, row.message_key))


def send_waiting(services: Telling, most: int = _MOST_A_TURN) -> list[Delivery]:
    """Try again what did not arrive and is due, oldest first; give up what is a day old; e-mail what is important.

    During an outage the turn ends with the first message that meets it, so that each turn costs one timeout.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        old = message_rows.too_old(connection, now - DELIVERY.given_up_after)
        waiting = message_rows.due(connection, now, most)
    given_up = {row.message_key for row in old}
    done = [_give_up(services, row) for row in old]
    for row in waiting:
        if row.message_key in given_up:
            continue
        done.append(post(services, row))
        if done[-1].is_passing:
            break
    _email_important(services)
    return done


def _give_up(services: Storing, row: StoredMessage) -> Delivery:
    with message_rows.held(services.database, row.notification_id) as held:
        if held is None:
            return Delivery(DeliveryState.PENDING, row.message_key, error="another process is posting it")
        if held.state is DeliveryState.SENT:
            return _as_it_is(held)
        reason = f"too old to matter; before that: {held.last_error or 'it was never tried'}"
        log.error("a message never arrived", key=held.message_key, emailed=held.emailed_at is not None)
        try:
            return _not_sent(services, held.message_key, DeliveryState.EXPIRED, reason)
        except StateChangedError as error:
            return _after_another(services, held, error)


def _post(services: Storing, slack: SlackClient, row: StoredMessage) -> Delivery:
    key = row.message_key
    _keep_pace(services)
    with services.database.begin() as connection:
        thread_ts = None
        if row.thread_key:
            # Chosen anew each time: what was to be answered may have arrived since the last attempt.
            thread_ts = message_rows.thread_of(connection, row.notification_id, row.thread_key)
        # Counted before the request: whoever finds an attempt looks in Slack before posting again.
        message_rows.attempted(connection, key, thread_ts, services.clock.now())
    try:
        posted = _post_somehow(services, slack, row, thread_ts)
    except IntegrationError as error:
        return _failed(services, row, error)
    with services.database.begin() as connection:
        message_rows.sent(
            connection, key, Channel.SLACK, posted.channel, posted.ts, posted.permalink, services.clock.now()
        )
    return Delivery(DeliveryState.SENT, key, posted.channel, posted.ts, posted.permalink)


def _post_somehow(services: Storing, slack: SlackClient, row: StoredMessage, thread_ts: str | None) -> PostedMessage:
    """As it is; where Slack refuses that, without charts, then as plain text; below nothing where the parent is gone."""
    maybe_posted, forms = row.attempts > 0, forms_of(row.blocks)
    while True:
        try:
            posted = slack.deliver(
                row.text,
                forms[0],
                row.message_key,
                thread_ts,
                maybe_posted=maybe_posted,
                maybe_in=row.thread_ts,
                oldest=row.created_at,
                broadcast=row.is_broadcast,
            )
        except ThreadLostError:
            if thread_ts is None:
                raise
            _note_lost(services, row, thread_ts)
            thread_ts = None
        except MessageRefusedError as error:
            _log_refused(row.message_key, error, forms)
            if len(forms) == 1:
                raise
            forms = forms[1:]
        else:
            if thread_ts is not None and posted.thread_ts is None:
                _note_lost(services, row, thread_ts)
            return posted
        # Refused, so certainly not there.
        maybe_posted = False


def _note_lost(services: Storing, row: StoredMessage, thread_ts: str) -> None:
    """The parent is gone: the message stands by itself, and what follows answers it."""
    log.warning("the thread of a message is gone; it is posted by itself", key=row.message_key)
    with services.database.begin() as connection:
        message_rows.thread_lost(connection, thread_ts)
        message_rows.moved_out(connection, row.message_key)


def forms_of(blocks: Sequence[Any]) -> list[list[Any]]:
    """The blocks of a message, and what stands in for them, from rich to plain."""
    whole = list(blocks)
    written_out = without_charts(whole)
    return [
        form
        for form in (whole, written_out if written_out != whole else None, [] if whole else None)
        if form is not None
    ]


def _log_refused(key: str, error: MessageRefusedError, forms: Sequence[Any]) -> None:
    level = log.warning if len(forms) > 2 else log.error
    level("slack refused the form of a message", key=key, error=str(error), simpler_forms=len(forms) - 1)


def _keep_pace(services: Storing) -> None:
    with services.database.begin() as connection:
        last = message_rows.last_post(connection)
    if last is not None:
        rest = _BETWEEN_POSTS_S - (services.clock.now() - last).total_seconds()
        if 0 < rest <= _BETWEEN_POSTS_S:
            services.clock.sleep(rest)


def _post_to_webhook(services: Deciding, row: StoredMessage) -> Delivery:
    """The fallback where there is no bot token: it arrives, but has no timestamp, so nothing can be threaded or looked up."""
    key, settings = row.message_key, services.settings
    if settings.slack_webhook_url is None:
        return _no_slack(services, row)
    if row.attempts and row.state is not DeliveryState.FAILED:
        # Whether an earlier attempt arrived cannot be looked up here, and a second message would be worse than none.
        words = "an earlier attempt through the webhook may have arrived"
        return _not_sent(services, key, DeliveryState.UNKNOWN, words, DELIVERY.longest_pause)
    _keep_pace(services)
    with services.database.begin() as connection:
        message_rows.attempted(connection, key, None, services.clock.now())
    forms = forms_of(row.blocks)
    try:
        while True:
            try:
                post_to_webhook(settings.slack_webhook_url.get_secret_value(), row.text, forms[0])
                break
            except MessageRefusedError as error:
                _log_refused(key, error, forms)
                if len(forms) == 1:
                    raise
                forms = forms[1:]
    except IntegrationError as error:
        return _failed(services, row, error)
    with services.database.begin() as connection:
        message_rows.sent(connection, key, Channel.WEBHOOK, Channel.WEBHOOK.value, "", None, services.clock.now())
    return Delivery(DeliveryState.SENT, key, Channel.WEBHOOK.value)


def _no_slack(services: Deciding, row: StoredMessage) -> Delivery:
    """Without Slack an important message goes by e-mail at once; any other stays in the database."""
    key = row.message_key
    sender = _email_sender(services)
    if not row.is_important or sender is None:
        return _not_sent(services, key, DeliveryState.SKIPPED, "neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set")
    if row.email_attempts >= DELIVERY.email_attempts:
        return _not_sent(services, key, DeliveryState.SKIPPED, "there is no Slack, and no e-mail was taken")
    if not _email(services, sender, row):
        return _not_sent(
            services,
            key,
            DeliveryState.FAILED,
            "there is no Slack, and the e-mail was not taken",
            pause_after(row.email_attempts + 1),
        )
    with services.database.begin() as connection:
        message_rows.sent(connection, key, Channel.EMAIL, Channel.EMAIL.value, "", None, services.clock.now())
    return Delivery(DeliveryState.SENT, key, Channel.EMAIL.value)


def _failed(services: Storing, row: StoredMessage, error: IntegrationError) -> Delivery:
    state = DeliveryState.UNKNOWN if isinstance(error, DeliveryUnknownError) else DeliveryState.FAILED
    asked_for = error.retry_after_s if isinstance(error, RateLimitedError) else None
    delivery = _not_sent(services, row.message_key, state, str(error), pause_after(row.attempts + 1, asked_for))
    return replace(delivery, is_passing=isinstance(error, TransientError))


def _not_sent(
    services: Storing, key: str, state: DeliveryState, error: str, pause: timedelta | None = None
) -> Delivery:
    log.warning("a message was not sent", key=key, state=state.value, error=error)
    next_attempt_at = services.clock.now() + pause if pause is not None else None
    with services.database.begin() as connection:
        message_rows.not_sent(connection, key, state, error, next_attempt_at)
    return Delivery(state, key, error=error)


# E-mail


def ways_of_alerts(settings: Settings) -> tuple[str, ...]:
    """The ways by which people learn of what is critical, by name; none where nothing is set up."""
    ways = (
        ("Slack", settings.slack_bot_token is not None or settings.slack_webhook_url is not None),
        ("e-mail", settings.alert_email_to is not None and settings.alert_email_from is not None),
        ("PagerDuty", settings.pagerduty_routing_key is not None),
        ("a webhook", settings.alarm_webhook_url is not None),
    )
    return tuple(name for name, is_set_up in ways if is_set_up)


def _email_sender(services: Deciding) -> EmailSender | None:
    """None where no addresses are set."""
    to = services.settings.alert_email_to
    return None if to is None else email_sender(services, to)


def email_sender(services: Deciding, to: SecretStr) -> EmailSender | None:
    """What sends e-mails to addresses separated by commas, in the name of ALERT_EMAIL_FROM; None where something is not set.
    The recipients are the company's own; they stand in the settings only."""
    settings = services.settings
    needed = (settings.mailjet_api_key, settings.mailjet_secret_key)
    if settings.alert_email_from is None or None in needed:
        return None
    recipients = [part.strip() for part in to.get_secret_value().split(",") if part.strip()]
    if not recipients:
        return None
    return EmailSender(
        settings.mailjet_base_url,
        settings.secret("mailjet_api_key"),
        settings.secret("mailjet_secret_key"),
        settings.alert_email_from.get_secret_value(),
        recipients,
    )


def _email_important(services: Telling) -> None:
    """E-mail what is important and Slack has not taken for a quarter of an hour or in five attempts; once each."""
    sender = _email_sender(services)
    if sender is None or (services.slack is None and services.settings.slack_webhook_url is None):
        return
    with services.database.begin() as connection:
        found = message_rows.to_email(
            connection,
            DELIVERY.email_after_attempts,
            services.clock.now() - DELIVERY.email_after,
            DELIVERY.email_attempts,
            _MOST_A_TURN,
        )
    for row in found:
        with message_rows.held(services.database, row.notification_id) as held:
            if held is None or held.state is DeliveryState.SENT or held.emailed_at is not None:
                continue
            if not _email(services, sender, held):
                break


def _email(services: Storing, sender: EmailSender, row: StoredMessage) -> bool:
    """Whether Mailjet took the e-mail. The message is told in plain text; it stays in the outbox for Slack."""
    key = row.message_key
    with services.database.begin() as connection:
        message_rows.email_attempted(connection, key)
    with services.database.begin() as connection:
        below = message_rows.find(connection, keys.details(MessageKey(key)))
    details = None if below is None else SlackMessage(below.text, below.blocks)
    body = as_text(SlackMessage(row.text, row.blocks, details))
    subject = body.strip().splitlines()[0]
    why = f"Sent by e-mail because Slack did not take it; written {instant_text(row.created_at)}."
    try:
        sender.send(subject, f"{body}\n{why}\n", key)
    except IntegrationError as error:
        log.error("an important message could not be sent by e-mail either", key=key, error=str(error))
        return False
    with services.database.begin() as connection:
        message_rows.emailed(connection, key, services.clock.now())
    log.warning("an important message was sent by e-mail", key=key)
    return True
