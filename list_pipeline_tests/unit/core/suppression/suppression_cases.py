"""Failures, histories and campaigns for the tests of suppression: campaign 50, contact 7, judged after a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from list_pipeline.core.bounces.classes import FailureEvent, classify
from list_pipeline.core.incidents.contacts import Incident
from list_pipeline.core.incidents.groups import Group, GroupKind, domain_group
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.suppression.plan import SuppressionPlan, assemble
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    SuppressionRule,
    Verdict,
    VerdictAction,
)

POLICY = SuppressionPolicy()
SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)
AS_OF = SENT + timedelta(hours=24)
CAMPAIGN = 50
CONTACT = 7
SUPPRESS, HOLD, MONITOR, KEEP = VerdictAction.SUPPRESS, VerdictAction.HOLD, VerdictAction.MONITOR, VerdictAction.KEEP


def failure(
    state_id: int | None = 1, permanent: bool = True, contact_id: int = CONTACT, campaign_id: int = CAMPAIGN,
    at: datetime = SENT, status: MessageStatus = MessageStatus.BOUNCE, contradictory: bool = False,
    text: str | None = None,
) -> FailureEvent:  # fmt: skip
    found = classify(state_id, permanent, status, text)
    return FailureEvent(contact_id, campaign_id, at, state_id, permanent, status, found, True, True, contradictory)


def failed(state_id: int, days_ago: int, permanent: bool = False, incident: bool = False, **more: bool) -> Attempt:
    at = SENT - timedelta(days=days_ago)
    event = failure(state_id, permanent, campaign_id=CAMPAIGN - days_ago, at=at, **more)  # type: ignore[arg-type]
    return Attempt(CAMPAIGN - days_ago, at, AttemptOutcome.FAILED, event, GroupKind.OPERATOR if incident else None)


def delivered(days_ago: int) -> Attempt:
    return Attempt(CAMPAIGN - days_ago, SENT - timedelta(days=days_ago), AttemptOutcome.DELIVERED)


def unread(days_ago: int) -> Attempt:
    return Attempt(CAMPAIGN - days_ago, SENT - timedelta(days=days_ago), AttemptOutcome.UNKNOWN)


def context(contacts: Sequence[int] = (CONTACT,), recipients: int = 1000) -> CampaignContext:
    domains = {contact_id: f"d{contact_id}.example" for contact_id in contacts}
    return CampaignContext(CAMPAIGN, recipients, domains, SENT)


def incident(*contacts: int, group: Group = domain_group("one.example")) -> Incident:
    return Incident(group, 10 * len(contacts), len(contacts), 0.2, contacts)


def judge(
    event: FailureEvent | None, *history: Attempt, facts: ContactFacts | None = None, as_of: datetime = AS_OF
) -> Verdict:
    known = facts or ContactFacts(campaigns_count=1 + len(history))
    events = [event] if event else []
    (verdict,) = decide(events, {CONTACT: history}, {CONTACT: known}, context(), POLICY, as_of)
    return verdict


def rule_of(verdict: Verdict) -> tuple[VerdictAction, SuppressionRule]:
    return verdict.action, verdict.rule


def plan_of(events: Sequence[FailureEvent], history: Mapping[int, Sequence[Attempt]]) -> SuppressionPlan:
    contacts = sorted({event.contact_id for event in events})
    campaign = context(contacts)
    facts = {number: ContactFacts(campaigns_count=5) for number in contacts}
    verdicts = decide(events, history, facts, campaign, POLICY, AS_OF)
    return assemble(
        verdicts,
        events,
        (),
        campaign_id=CAMPAIGN,
        sweep=Sweep.H24,
        policy_version=POLICY.version,
        recipients=campaign.recipients,
    )
