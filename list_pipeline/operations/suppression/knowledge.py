"""What the rules are told about the contacts that a campaign's bounces concern, gathered in sets.

Belongs here: reading it, for a plan and for whoever asks what a plan would be. Does not belong here: the rules
(``core.suppression.rules``), and what becomes of their verdicts (``plan_and_execute``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.incidents.contacts import incidents_of
from list_pipeline.core.incidents.groups import Group
from list_pipeline.core.incidents.own_faults import own_faults
from list_pipeline.core.incidents.strata import TestedGroup
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    CountedDeliveries,
)
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.operations.suppression.incidents import held_before, reached_at
from list_pipeline.operations.suppression.reach import reach_of
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage.bounces import PastAttempt
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.engagement import engagement_of
from list_pipeline.storage.history import mailings_gone
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import earlier_looks
from list_pipeline.storage.plans import outcomes as outcome_rows


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What is told to the rules otherwise than it is stored, where they are asked what they would have done.

    Nobody is suppressed, and what people decided is left out.

    Attributes:
        flagged: the groups that were flagged in each earlier campaign that had any.
        complaining: the contacts that were known by then to have complained.
    """

    flagged: Mapping[int, frozenset[Group]]
    complaining: frozenset[int]


@dataclass(frozen=True, slots=True)
class Known:
    """Our knowledge of the contacts that a campaign's bounces concern. ``history``: their other campaigns, no further back than
    the last delivery before the failure, which is as far as a rule looks. ``reinstated``: when people last took a suppression
    back; what went before is no evidence."""

    facts: Mapping[int, ContactFacts]
    history: Mapping[int, Sequence[Attempt]]
    context: CampaignContext
    reinstated: Mapping[int, datetime]


def gather(
    connection: Connection,
    campaign: Campaign,
    events: Sequence[FailureEvent],
    as_of: datetime,
    tested: Sequence[TestedGroup],
    known_by: datetime,
    otherwise: Otherwise | None = None,
    *,
    every_failure: bool = False,
) -> Known:
    """What the rules are told about the contacts that a campaign's bounces concern.

    Args:
        events: its failures.
        as_of: what happened later is not known yet.
        tested: its groups with their verdicts.
        known_by: opens and clicks that were told later are not known yet.
        otherwise: where a plan of the past is only imagined.
        every_failure: the history has those of before the last delivery too: other tools count them, our rules do not look past
            a delivery.
    """
    mailed_count = sent_campaigns.campaign_by_key(connection, campaign.key).recipient_count or 0
    complaining = (
        recipient_rows.complaining_recipients(connection, campaign.campaign_id)
        if otherwise is None
        else otherwise.complaining
    )
    ids = sorted({event.contact_id for event in events} | set(complaining))
    mailed = recipient_rows.recipients_among(connection, campaign.campaign_id, ids)
    flags = members.facts_of(connection, ids)
    past = _past(connection, campaign.campaign_id, ids, events, as_of, every_failure=every_failure)
    campaigns = bounce_rows.campaigns_of(connection, ids, except_campaign=campaign.campaign_id, as_of=as_of)
    reinstated = outcome_rows.reinstated_since(connection, ids) if otherwise is None else {}
    rejected = _rejected(connection, past) if otherwise is None else frozenset()
    gone = mailings_gone(connection, ids)
    domains = members.domains_of(connection, ids)
    failures = {(one.campaign_id, i) for i, tries in past.items() for one in tries if one.failure is not None}
    held = held_before(connection, failures, domains, otherwise.flagged if otherwise else None)
    reached = reached_at(connection, held, domains, as_of)
    operators = operators_of(connection)
    signs = engagement_of(connection, ids, known_by)
    facts = {
        contact_id: ContactFacts(
            is_known=True,
            is_recipient=contact_id in mailed,
            in_suppression_list=flag["in_suppression_list"] and otherwise is None,
            is_unsubscribed=flag["is_unsubscribed"],
            is_excluded=flag["is_excluded"],
            is_anonymised=flag["is_anonymised"],
            is_unreadable=flag["is_unreadable"],
            is_complaining=flag["is_complaining"] if otherwise is None else contact_id in otherwise.complaining,
            campaigns_count=campaigns.get(contact_id, 0) + gone.get(contact_id, 0) + (contact_id in mailed),
            domain_reached_at=reached.get(contact_id),
            address_worked_at=signs[contact_id].address_worked_at if contact_id in signs else None,
            deliveries=deliveries_of(flag),
        )
        for contact_id, flag in flags.items()
    }
    history = {
        contact_id: [
            _attempt(
                one,
                held.get((one.campaign_id, contact_id)),
                (one.campaign_id, contact_id) in rejected,
            )
            for one in tries
            # A person who reinstated a contact has said that what went before is no evidence.
            if contact_id not in reinstated or one.sent_at > reinstated[contact_id]
        ]
        for contact_id, tries in past.items()
    }
    sent_at = campaign.send_started_at or campaign.sent_at
    struck = incidents_of(events, domains, tested, operators, as_of)
    ours = own_faults(events, domains, operators, as_of)
    incidents = (*struck, *(one for one in ours if one.group not in {group.group for group in struck}))
    context = CampaignContext(campaign.campaign_id, mailed_count, domains, sent_at, incidents)
    return Known(facts, history, context, reinstated)


def with_reach(connection: Connection, known: Known, since: Mapping[int, datetime], as_of: datetime) -> Known:
    """The same with how the domains of those answer whose failures ask for it; DNS's last answers count.

    Args:
        since: who these are (``core.suppression.rules.unanswered_since``).
    """
    if not since:
        return known
    reach = reach_of(connection, since, known.context.domain_of, operators_of(connection), as_of)
    facts = {i: replace(one, reach=reach[i]) if i in reach else one for i, one in known.facts.items()}
    return replace(known, facts=facts)


def deliveries_of(flag: Mapping[str, Any]) -> CountedDeliveries | None:
    """Mailjet's count in a contact's row (``storage.membership.members.facts_of``); None: its row did not say when we saw it
    first, and then it gives nobody grace."""
    count, counted_at = flag["delivered_count"], flag["delivered_counted_at"]
    return None if count is None or counted_at is None else CountedDeliveries(int(count), counted_at)


def _past(
    connection: Connection,
    campaign_id: int,
    ids: Sequence[int],
    events: Sequence[FailureEvent],
    as_of: datetime,
    *,
    every_failure: bool,
) -> Mapping[int, Sequence[PastAttempt]]:
    """The other campaigns of contacts back to the last delivery before their failure; with the failures of before it too where
    they are wanted."""
    failed_at = dict.fromkeys(ids, as_of) | {event.contact_id: event.occurred_at for event in events}
    past = bounce_rows.attempts_since_delivery(connection, failed_at, except_campaign=campaign_id, as_of=as_of)
    if not every_failure:
        return past
    failures = bounce_rows.failures_of(connection, ids, except_campaign=campaign_id, as_of=as_of)
    return {
        contact_id: sorted(
            {one.campaign_id: one for one in (*failures[contact_id], *tries)}.values(),
            key=lambda one: (one.sent_at, one.campaign_id),
        )
        for contact_id, tries in past.items()
    }


def _rejected(connection: Connection, past: Mapping[int, Sequence[PastAttempt]]) -> frozenset[tuple[int, int]]:
    """Campaign and contact of the past failures for which a person rejected a suppression."""
    failed = {one.campaign_id for tries in past.values() for one in tries if one.failure is not None}
    return earlier_looks.rejected_after(connection, sorted(failed))


def _attempt(past: PastAttempt, held_by: Group | None, is_rejected: bool) -> Attempt:
    if past.failure is not None:
        kind = held_by.kind if held_by is not None else None
        return Attempt(past.campaign_id, past.sent_at, AttemptOutcome.FAILED, past.failure, kind, is_rejected)
    outcome = AttemptOutcome.DELIVERED if past.is_complete else AttemptOutcome.UNKNOWN
    return Attempt(past.campaign_id, past.sent_at, outcome)
