"""Rule sets over recorded campaigns: each is asked what it would have done, in the order in which things became known.

Belongs here: which campaigns, what each rule set is told, what it would have removed meanwhile. Does not belong here: the rules
(``core.suppression.rules``, ``core.replay.peers``) and what the answers add up to (``core.replay.comparison``).

Everything is read in one transaction in which PostgreSQL refuses writes; Mailjet is not asked. In memory are the contacts that
failed, never the lists: campaigns are read one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.incidents.contacts import IncidentCause
from list_pipeline.core.incidents.groups import Group
from list_pipeline.core.incidents.usual import PastCount
from list_pipeline.core.replay.comparison import Comparison, Record, Replayed, compare
from list_pipeline.core.replay.peers import PEERS
from list_pipeline.core.replay.rule_sets import CHANGED, OURS, OwnRules, RuleSet, Told, own_rule_sets
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import unanswered_since
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.runs.run import known_until
from list_pipeline.operations.suppression.figures import changed_policy
from list_pipeline.operations.suppression.incidents import judge_counts
from list_pipeline.operations.suppression.knowledge import Otherwise, gather, with_reach
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage import incidents as incident_rows
from list_pipeline.storage import replay as rows
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.history import require_kept
from list_pipeline.storage.incidents import CAMPAIGNS_REMEMBERED
from list_pipeline.storage.replay import JudgedReading

log = structlog.get_logger(__name__)

CAMPAIGNS = 12
"""So many campaigns are replayed where nobody says which: a season of weekly ones."""
MOST_CAMPAIGNS = 500
DEFAULT_RULES = (OURS, *(one.name for one in PEERS))


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What is to be replayed.

    Attributes:
        campaigns: so many campaigns at the most, the latest ones; None: 12, or all of the days that are named.
        sent_from, sent_to: first and last day of their sends (UTC).
        until: the key of the last campaign.
        rules: names of rule sets; empty: ours as it is, and those of other tools.
        changes: figures of ours to try, as they were typed; they are a rule set of their own.
    """

    campaigns: int | None = None
    sent_from: date | None = None
    sent_to: date | None = None
    until: str | None = None
    rules: tuple[str, ...] = ()
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """The campaigns that are replayed at the most."""
        if self.campaigns is not None:
            return self.campaigns
        return CAMPAIGNS if self.sent_from is None and self.sent_to is None else MOST_CAMPAIGNS


def known_rule_sets(present: SuppressionPolicy) -> tuple[RuleSet, ...]:
    """Every rule set that has a name."""
    return (*own_rule_sets(present), *PEERS)


def rule_sets_of(present: SuppressionPolicy, request: ReplayRequest) -> tuple[RuleSet, ...]:
    """The rule sets that a request names, each once.

    Raises:
        RefusedError: there is no rule set of that name, or a changed figure is not allowed.
    """
    tried = "Replaying the policy"
    known = {one.name: one for one in known_rule_sets(present)}
    found: dict[str, RuleSet] = {}
    for name in request.rules or DEFAULT_RULES:
        if name not in known:
            raise RefusedError(tried, "there is no rule set of that name", f"One of {', '.join(known)}")
        found[name] = known[name]
    if request.changes:
        policy = changed_policy(present, request.changes, tried)
        words = ", ".join(f"{name} {value.strip()}" for name, value in request.changes.items())
        found[CHANGED] = OwnRules(CHANGED, f"our rules with {words}", policy)
    return tuple(found.values())


def replay(services: Deciding, request: ReplayRequest, progress: Progress = logged) -> Comparison:
    """Ask rule sets what they would have done in campaigns that are over. Nothing is changed.

    Raises:
        NotFoundError: there is no campaign of that key.
        RefusedError: there is no such rule set or figure, or the number of campaigns makes no sense.
        HistorySummarisedError: only a summary is left of one of the campaigns.
    """
    if not 1 <= request.most <= MOST_CAMPAIGNS:
        raise RefusedError(
            "Replaying the policy",
            "that number of campaigns makes no sense",
            f"Between 1 and {MOST_CAMPAIGNS}; {CAMPAIGNS} without a number",
        )
    rule_sets = rule_sets_of(policy_of(services), request)
    with rows.unchanging(services.database) as connection:
        until = sent_campaigns.campaign_by_key(connection, request.until).campaign_id if request.until else None
        stored = rows.readings(
            connection,
            campaigns=request.most,
            sent_from=request.sent_from,
            sent_to=request.sent_to,
            until_campaign=until,
        )
        require_kept(connection, "Replaying the policy", [one.campaign_id for one in stored])
        found = _Replay(services, connection, rule_sets, stored, progress).run()
    log.info("policy replayed", campaigns=len(found.campaigns), differences=len(found.differences))
    return found


@dataclass(slots=True)
class _Incidents:
    """What one rule set remembers of incidents: of campaigns before the first, and of those replayed so far."""

    before: list[tuple[PastCount, ...]]
    flagged: dict[int, frozenset[Group]]
    counted: dict[int, tuple[datetime, tuple[PastCount, ...]]] = field(default_factory=dict)

    def past(self, sent_at: datetime) -> list[tuple[PastCount, ...]]:
        """The counts of the campaigns sent before, oldest first."""
        own = sorted((at, number) for number, (at, _) in self.counted.items() if at < sent_at)
        return [*self.before, *(self.counted[number][1] for _, number in own)][-CAMPAIGNS_REMEMBERED:]

    def keep(self, reading: JudgedReading, counts: tuple[PastCount, ...]) -> None:
        """Remember a reading instead of an earlier one at the same campaign."""
        self.counted[reading.campaign_id] = (reading.sent_at, counts)
        self.flagged[reading.campaign_id] = frozenset(one.group for one in counts if one.is_flagged)


class _Replay:
    """One replay. Readings come in the order of the moments that were judged for."""

    def __init__(
        self,
        services: Deciding,
        connection: Connection,
        rule_sets: Sequence[RuleSet],
        stored: Sequence[JudgedReading],
        progress: Progress,
    ) -> None:
        self._services, self._connection, self._progress = services, connection, progress
        self._rule_sets = rule_sets
        self._campaigns: dict[int, Campaign] = {}
        self._readings = sorted(
            ((self._judged_for(one), one) for one in stored), key=lambda pair: (pair[0], pair[1].campaign_id)
        )
        self._records = {one.name: Record() for one in rule_sets}
        self._failed: dict[int, set[int]] = {}
        self._left_out: set[int] = set()
        self._incidents = self._remembered()

    def run(self) -> Comparison:
        """Replay every reading."""
        for as_of, reading in self._readings:
            self._progress(f"replaying {reading.key}, {reading.sweep.value} after its send")
            self._judge(as_of, reading)
        removed = sorted({one for record in self._records.values() for one in record.removed})
        later = rows.later_of(self._connection, removed)
        campaigns = {
            one.campaign_id: Replayed(
                one.campaign_id,
                one.key,
                one.sent_at,
                one.recipients,
                len(self._failed.get(one.campaign_id, ())),
                one.suppressed,
            )
            for _, one in self._readings
        }
        return compare(
            self._rule_sets,
            self._records,
            sorted(campaigns.values(), key=lambda one: (one.sent_at, one.campaign_id)),
            later,
            left_out=len(self._left_out),
            readings=len(self._readings),
        )

    def _judged_for(self, reading: JudgedReading) -> datetime:
        if reading.campaign_id not in self._campaigns:
            self._campaigns[reading.campaign_id] = sent_campaigns.campaign_by_key(self._connection, reading.key)
        if reading.planned_as_of is not None:
            return reading.planned_as_of
        return known_until(self._services, self._campaigns[reading.campaign_id], reading.sweep, reading.fetched_at)

    def _remembered(self) -> dict[str, _Incidents]:
        """The memory of each of our rule sets before the first campaign."""
        own = [one for one in self._rule_sets if isinstance(one, OwnRules) and one.tells_incidents]
        if not self._readings or not own:
            return {}
        connection, first = self._connection, min((one for _, one in self._readings), key=lambda one: one.sent_at)
        others = [
            one.campaign_id
            for one in sent_campaigns.all_campaigns(connection)
            if one.campaign_id not in self._campaigns
        ]
        flagged = incident_rows.flagged_in(connection, others)
        before = incident_rows.past_counts(connection, first.campaign_id)
        domains = [
            incident_rows.established_by_domain(connection, number, sweep, first.fetched_at)
            for number, sweep in incident_rows.uncounted(connection, first.campaign_id)
        ]
        found, operators = {}, operators_of(connection)
        for one in own:
            memory = _Incidents(list(before), dict(flagged))
            for counts in domains:
                # Nobody planned yet, so nothing was counted: it is counted here as the first plan would do.
                kept = judge_counts(counts, memory.before, one.policy.incidents, operators)[1]
                memory.before.append(kept)
            found[one.name] = memory
        return found

    def _judge(self, as_of: datetime, reading: JudgedReading) -> None:
        connection = self._connection
        read = bounce_rows.events_of(connection, reading.campaign_id, reading.sweep.value)
        flagged = rows.flagged_as_complaining(connection, reading.campaign_id, reading.sweep.value)
        people = {one.contact_id for one in read} | flagged
        known = rows.judgeable(connection, people)
        self._left_out |= people - known
        events = [one for one in read if one.contact_id in known]
        self._failed.setdefault(reading.campaign_id, set()).update(one.contact_id for one in events)
        others: Told | None = None
        for rule_set in self._rule_sets:
            record = self._records[rule_set.name]
            if isinstance(rule_set, OwnRules):
                told = self._told(rule_set, as_of, reading, events, flagged & known)
            else:
                others = others or self._gathered(as_of, reading, events, flagged & known)
                told = _without(others, record.removed)
            record.add(reading.key, as_of, told.events, rule_set.judge(told))

    def _told(
        self,
        rule_set: OwnRules,
        as_of: datetime,
        reading: JudgedReading,
        events: Sequence[FailureEvent],
        flagged: frozenset[int],
    ) -> Told:
        """What one of our rule sets is told: without whom it removed, and with incidents as it tells them."""
        removed = self._records[rule_set.name].removed
        events = [one for one in events if one.contact_id not in removed]
        memory = self._incidents.get(rule_set.name)
        if memory is None:
            return self._gathered(as_of, reading, events, flagged - removed)
        domains = incident_rows.established_by_domain(
            self._connection, reading.campaign_id, reading.sweep.value, as_of, removed
        )
        operators = operators_of(self._connection)
        tested, kept = judge_counts(domains, memory.past(reading.sent_at), rule_set.policy.incidents, operators)
        memory.keep(reading, kept)
        otherwise = Otherwise(memory.flagged, flagged - removed)
        known = gather(self._connection, self._campaigns[reading.campaign_id], events, as_of, tested, as_of, otherwise)
        since = unanswered_since(events, known.history, known.context, rule_set.policy, as_of)
        known = with_reach(self._connection, known, since, as_of)
        if ours := {one.group for one in known.context.incidents if one.cause is IncidentCause.SENDER}:
            memory.flagged[reading.campaign_id] |= ours
        return Told(events, known.history, known.facts, known.context, as_of)

    def _gathered(
        self, as_of: datetime, reading: JudgedReading, events: Sequence[FailureEvent], flagged: frozenset[int]
    ) -> Told:
        """What rules are told that know no incidents."""
        otherwise = Otherwise({}, flagged)
        known = gather(
            self._connection,
            self._campaigns[reading.campaign_id],
            events,
            as_of,
            (),
            as_of,
            otherwise,
            every_failure=True,
        )
        return Told(events, known.history, known.facts, replace(known.context, incidents=()), as_of)


def _without(reading: Told, removed: set[int]) -> Told:
    return replace(
        reading,
        events=[one for one in reading.events if one.contact_id not in removed],
        facts={number: one for number, one in reading.facts.items() if number not in removed},
    )
