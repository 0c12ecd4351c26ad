"""The last verdict on a contact, with what the rules were told when they gave it, and what they say with one fact changed.

Belongs here: gathering for one contact what ``operations.suppression`` gathers for a campaign. Does not belong here: the
changed facts (``core.evidence_card.replay``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent
from list_pipeline.core.evidence_card.facts import Mailing, Outcome, PlannedFor, Record, Siblings
from list_pipeline.core.evidence_card.replay import Judged, OtherVerdict, would_change, would_have_changed
from list_pipeline.core.incidents.contacts import Incident
from list_pipeline.core.incidents.groups import GroupKind, count_groups, operator_group
from list_pipeline.core.incidents.operators import OPERATORS
from list_pipeline.core.plans.plan import BY_HAND, IMPORTED, ItemAction, PlanKind, Sweep
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import unanswered_since
from list_pipeline.core.suppression.verdicts import (
    AskedAbout,
    CampaignContext,
    ContactFacts,
    SuppressionRule,
    Verdict,
    VerdictAction,
)
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.operations.suppression.incidents import held_before, reached_at
from list_pipeline.operations.suppression.knowledge import deliveries_of
from list_pipeline.operations.suppression.reach import reach_of
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage import incidents as incident_rows
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.engagement import engagement_of
from list_pipeline.storage.history import is_summarised, mailings_gone
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import earlier_looks

_R = SuppressionRule


@dataclass(frozen=True, slots=True)
class Replayed:
    """What would have changed the last verdict, what would from now on, and others in its campaign.

    ``not_replayed``: why the first cannot be said; None: it can, or there is no verdict.
    """

    changed: tuple[OtherVerdict, ...] = ()
    ahead: tuple[OtherVerdict, ...] = ()
    not_replayed: str | None = None
    siblings: tuple[Siblings, ...] = ()


def replay(connection: Connection, record: Record, policy: SuppressionPolicy, now: datetime) -> Replayed:
    """Ask the rules of today again about the verdict that decides where a contact stands.

    Args:
        policy: the present one. What would have changed the verdict is told only where it gives the same one on what is
            stored.
        now: what is known by then counts for what would change the verdict from now on.
    """
    verdict = record.verdict
    if verdict is None:
        return Replayed()
    if verdict.rule in (BY_HAND, IMPORTED):
        return Replayed(not_replayed="Nothing: a person asked for it, and no rule decided.")
    mailing = record.mailing(verdict.campaign_id)
    if verdict.kind is not PlanKind.SUPPRESSION or mailing is None:
        return Replayed(not_replayed="Not known: what the verdict rested on is not kept.")
    if is_summarised(connection, mailing.campaign_id):
        return Replayed(not_replayed="Not known: the verdict's campaign is so old that only a summary is left of it.")
    gathered = _Gathered(connection, record, verdict, mailing, policy)
    judged = gathered.judged()
    if judged is None:
        return Replayed(not_replayed="Not known: the reading of the failures that was judged is not kept.")
    others = gathered.siblings(judged)
    real = judged.verdict()
    if real is None or not _is_same(real, verdict):
        said = f": {real.explanation}" if real is not None else ", where there is nothing to judge."
        words = f"Not known: on what is stored now, the policy of today ({policy.version}) decides otherwise{said}"
        return Replayed(not_replayed=words, siblings=others)
    if verdict.action is ItemAction.MONITOR and real.action is VerdictAction.SUPPRESS:
        return Replayed((OtherVerdict("without the advisor's doubt", VerdictAction.SUPPRESS),), siblings=others)
    stays = verdict.action is not ItemAction.SUPPRESS and not record.is_suppressed
    ahead = would_change(gathered.as_known(judged, now)) if stays else ()
    return Replayed(would_have_changed(judged), ahead, siblings=others)


def _is_same(real: Verdict, stored: PlannedFor) -> bool:
    if real.rule.value != stored.rule:
        return False
    if stored.action is not ItemAction.SUPPRESS:
        # An advisor may have softened it.
        return real.action is not VerdictAction.HOLD
    return real.action is (VerdictAction.HOLD if stored.is_held else VerdictAction.SUPPRESS)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Where the facts of one verdict come from."""

    connection: Connection
    record: Record
    verdict: PlannedFor
    mailing: Mailing
    policy: SuppressionPolicy

    def judged(self) -> Judged | None:
        """What the rules were told; None: the reading that was judged is not there any more."""
        reading = next((one for one in self.mailing.readings if one.sweep is self.verdict.sweep), None)
        if reading is None:
            return None
        contact_id, campaign_id = self.record.contact_id, self.mailing.campaign_id
        domain = members.domains_of(self.connection, [contact_id]).get(contact_id)
        domain_of = {contact_id: domain} if domain else {}
        incidents = self._incidents(reading.failure, domain)
        as_of = self.verdict.as_of or reading.fetched_at
        return self._with_past(
            Judged(
                contact_id=contact_id,
                event=reading.failure,
                attempts=(),
                facts=self._facts(domain),
                campaign=CampaignContext(campaign_id, 0, domain_of, self.mailing.sent_at, incidents),
                policy=self.policy,
                as_of=as_of,
                read_at=max(as_of, reading.fetched_at),
                is_rejected=self._was(_R.REJECTED_BY_PERSON),
                is_taken_back=self._was(_R.TAKEN_BACK_BY_PERSON),
                asked=self._asked(),
                is_reached_since=self._is_reached_since(reading.failure),
            ),
            known_by=self.verdict.created_at,
        )

    def _is_reached_since(self, failure: FailureEvent | None) -> bool:
        last = self.record.last_delivery
        return failure is not None and last is not None and last.sent_at > failure.occurred_at

    def as_known(self, judged: Judged, now: datetime) -> Judged:
        """The same failure with what is known by now of the contact's other campaigns."""
        return self._with_past(replace(judged, as_of=now, read_at=now), known_by=now)

    def siblings(self, judged: Judged) -> tuple[Siblings, ...]:
        """Hard bounces of the verdict's campaign at the contact's domain and operator."""
        domain = judged.campaign.domain_of.get(judged.contact_id)
        is_hard = judged.event is not None and judged.event.bounce_class is BounceClass.HARD
        if domain is None or self.verdict.sweep is None or not is_hard:
            return ()
        hard = self._hard_at(domain, self.verdict.sweep)
        counts = recipient_rows.recipients_per_domain(
            self.connection, self.mailing.campaign_id, [self.record.contact_id]
        )
        found = [Siblings(GroupKind.DOMAIN, hard, max(hard, counts.get(domain, 0)))]
        operators = operators_of(self.connection)
        operator = operator_group(domain, operators)
        established = incident_rows.established_by_domain(
            self.connection, self.mailing.campaign_id, self.verdict.sweep.value, judged.read_at
        )
        found += [
            Siblings(one.group.kind, one.hard, one.attempted, one.group.name)
            for one in count_groups(established, operators, self.policy.incidents)
            if one.group == operator
        ]
        return tuple(found)

    def _with_past(self, judged: Judged, *, known_by: datetime) -> Judged:
        """With the contact's other campaigns as they were known by a moment."""
        earlier = [
            one
            for one in self.record.mailings
            if one is not self.mailing and one.is_recipient and one.sent_at <= judged.read_at
        ]
        contact_id, domains, rejected = self.record.contact_id, judged.campaign.domain_of, self._rejected(earlier)
        held = held_before(self.connection, {(one, contact_id) for one in self.record.failed_in()}, domains)
        held_by = {campaign_id: group.kind for (campaign_id, _), group in held.items()}
        reached = reached_at(self.connection, held, domains, judged.as_of)
        # A person who reinstated a contact has said that what went before is no evidence.
        reinstated = max(
            (
                one.reinstated_at
                for one in self.record.suppressions
                if one.reinstated_at is not None and not one.is_redone and one.reinstated_at <= known_by
            ),
            default=None,
        )
        attempts = tuple(
            one.attempt_by(known_by, held_by=held_by.get(one.campaign_id), is_rejected=one.campaign_id in rejected)
            for one in earlier
            if reinstated is None or one.sent_at > reinstated
        )
        gone = mailings_gone(self.connection, [contact_id]).get(contact_id, 0)
        count = sum(one.sent_at <= judged.as_of for one in earlier) + gone + self.mailing.is_recipient
        since = unanswered_since(
            [judged.event] if judged.event else [],
            {contact_id: attempts},
            judged.campaign,
            self.policy,
            judged.as_of,
        )
        operators = operators_of(self.connection) if since else OPERATORS
        reach = reach_of(self.connection, since, domains, operators, judged.as_of)
        flags = members.facts_of(self.connection, [contact_id])
        signs = engagement_of(self.connection, [contact_id], known_by).get(contact_id)
        facts = replace(
            judged.facts,
            campaigns_count=count,
            domain_reached_at=reached.get(contact_id),
            reach=reach.get(contact_id),
            address_worked_at=signs.address_worked_at if signs is not None else None,
            deliveries=deliveries_of(flags[contact_id]) if contact_id in flags else None,
        )
        return replace(judged, attempts=attempts, facts=facts)

    def _hard_at(self, domain: str, sweep: Sweep) -> int:
        """Contacts at a domain that bounced hard in the verdict's campaign."""
        events = bounce_rows.events_of(self.connection, self.mailing.campaign_id, sweep.value)
        hard = [one.contact_id for one in events if one.bounce_class is BounceClass.HARD]
        return sum(one == domain for one in members.domains_of(self.connection, hard).values())

    def _incidents(self, event: FailureEvent | None, domain: str | None) -> tuple[Incident, ...]:
        """The incident of the verdict's campaign that the contact's failure was part of; the others' figures decide nothing."""
        if event is None or event.bounce_class is not BounceClass.HARD or domain is None:
            return ()
        this = (self.mailing.campaign_id, self.record.contact_id)
        group = held_before(self.connection, {this}, {self.record.contact_id: domain}).get(this)
        return () if group is None else (Incident(group, 0, 0, 0.0, (self.record.contact_id,)),)

    def _rejected(self, earlier: list[Mailing]) -> frozenset[int]:
        """The campaigns after which a person rejected to suppress the contact."""
        # Only what was meant, and not begun, can have been rejected.
        meant = {
            one.campaign_id
            for one in self.record.plans
            if one.action is ItemAction.SUPPRESS and one.outcome in (Outcome.NOT_BEGUN, Outcome.LEFT_OUT)
        }
        return frozenset(
            one.campaign_id
            for one in earlier
            if one.campaign_id in meant
            and self.record.contact_id in earlier_looks.rejected_contacts(self.connection, one.campaign_id)
        )

    def _facts(self, domain: str | None) -> ContactFacts:
        """The contact as the rule that decided saw it. Flags may have changed since: most of all, it may be suppressed. Being
        unsubscribed or excluded changes no verdict."""
        return ContactFacts(
            # Where the domain is known now, its row came after the verdict.
            is_known=self.record.known is not None and not (domain and self._was(_R.FACTS_UNKNOWN)),
            is_recipient=not self._was(_R.NOT_A_RECIPIENT),
            in_suppression_list=self._was(_R.ALREADY_SUPPRESSED),
            is_anonymised=self._was(_R.ANONYMISED),
            is_unreadable=self._was(_R.UNREADABLE_ROW),
            is_complaining=self.verdict.is_flagged_as_complaining,
        )

    def _was(self, rule: SuppressionRule) -> bool:
        return self.verdict.rule == rule.value

    def _asked(self) -> AskedAbout | None:
        """The question that was open after an earlier look at the campaign."""
        if not self._was(_R.ASKED_ALREADY):
            return None
        for one in reversed(self.record.plans):
            is_earlier = one.campaign_id == self.mailing.campaign_id and one.plan_id < self.verdict.plan_id
            if is_earlier and one.kind is PlanKind.SUPPRESSION and one.action is ItemAction.SUPPRESS:
                return AskedAbout(SuppressionRule(one.rule), one.is_held)
        return None
