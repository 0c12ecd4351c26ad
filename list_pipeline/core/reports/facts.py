"""The facts of a maintenance run that its report needs, and the figures among them that a report may put first.

Belongs here: the facts, with their units; the closed set of key metrics, their labels, values and trends. Does not
belong here: which of them a report shows (``agents.reporting``), and how they are put into words (``message``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.advice import AdviceSource, AgentRecord, ConsultationSummary
from list_pipeline.core.health.assessment import HealthAssessment
from list_pipeline.core.health.figures import BounceTrend, SizeTrend
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.quarantine.life import QuarantineReason
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.sender_faults.listing import FaultTrend
from list_pipeline.core.suppression.new_contacts import NewContacts
from list_pipeline.core.wording import KeptRate, percent_text, share_text, told_percent


class Standing(StrEnum):
    """How a plan stands, which decides how its figures are told.

    ``would``: it waits or was only looked at, so that they are conditional. ``rejected`` by a person, and ``lapsed``: nothing
    more of it is done. ``decided``: what was let through is told by what became of it.
    """

    WOULD = "would"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    DECIDED = "decided"

    @property
    def is_turned_down(self) -> bool:
        """Whether nothing more of the plan is done."""
        return self in (Standing.REJECTED, Standing.LAPSED)


@dataclass(frozen=True, slots=True)
class SuppressionFacts:
    """Numbers of contacts by reason code. Whatever was planned and is neither confirmed nor failed is still open.

    ``planned``: what is not held for a person; of a plan that was decided, what was let through or begun.
    """

    planned: Mapping[str, int] = field(default_factory=dict)
    confirmed: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    held_for_review: int = 0
    standing: Standing = Standing.DECIDED

    @property
    def planned_total(self) -> int:
        """Contacts that were to be suppressed."""
        return sum(self.planned.values())

    @property
    def confirmed_total(self) -> int:
        """Contacts of which Mailjet's lists show that they are suppressed."""
        return sum(self.confirmed.values())

    @property
    def failed_total(self) -> int:
        """Contacts whose suppression failed."""
        return sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class RebalancingForecast:
    """How many contacts would be moved and added if a suppression plan was carried out as it is."""

    moves: int
    enrolments: int

    @property
    def contacts(self) -> int:
        """Contacts that would change or join a list."""
        return self.moves + self.enrolments


@dataclass(frozen=True, slots=True)
class RebalancingFacts:
    """Numbers of contacts. ``certificate`` is the sentence that says why fewer moves would not do.

    ``not_begun``: why nothing was planned although nothing says that the lists are balanced; empty when it was. ``met_a_send``:
    contacts that stay where they were, because a send to one of their lists is near or began meanwhile; ``list_frozen``:
    because one of their lists is frozen for rebalancing. ``forecast``: what would follow on a suppression plan that is not
    carried out, where nothing is planned yet; None otherwise.
    """

    moves_planned: int = 0
    moves_confirmed: int = 0
    enrolments_planned: int = 0
    enrolments_confirmed: int = 0
    deferred: int = 0
    certificate: str = ""
    not_begun: str = ""
    met_a_send: int = 0
    list_frozen: int = 0
    standing: Standing = Standing.DECIDED
    forecast: RebalancingForecast | None = None

    @property
    def planned(self) -> int:
        """Moves and enrolments planned."""
        return self.moves_planned + self.enrolments_planned

    @property
    def confirmed(self) -> int:
        """Moves and enrolments that the lists show."""
        return self.moves_confirmed + self.enrolments_confirmed


@dataclass(frozen=True, slots=True)
class ListChange:
    """One list before and after, in contacts. ``after`` is None as long as it was not read."""

    role: ListRole
    raw_before: int
    mailable_before: int
    raw_after: int | None = None
    mailable_after: int | None = None


@dataclass(frozen=True, slots=True)
class SenderFault:
    """Refusals that concern us and not the contact: how many, what to do about them, and who refuses.

    ``before``: the same in the campaigns before, oldest first. ``trend``: held against those.
    """

    reason: str
    contacts: int
    advice: str = ""
    operator: str = ""
    before: Sequence[int] = ()
    trend: FaultTrend = FaultTrend.UNKNOWN


@dataclass(frozen=True, slots=True)
class StageErrors:
    """Errors of one stage of the run; counts only, since error texts may hold what must not be shown."""

    stage: str
    count: int


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """The number of the attempt, and the attempts left after a failure. ``next_at`` (UTC) is None when none follows by itself.

    ``confirmed``, ``failed`` and ``open`` count the changes of all plans of this maintenance, whichever attempt made them;
    ``half_done`` are those of the open ones that were begun. ``is_away``: Mailjet was away or still at work, which counts as no
    attempt; ``number`` counts those that do. ``waits_for_log``: it failed only because one of Mailjet's bounce sources is late.
    ``stopped_because``: why no list may be changed now, and what to do about it; empty where one may.
    """

    number: int
    most: int
    next_at: datetime | None = None
    is_away: bool = False
    gave_up: bool = False
    passed_deadline: bool = False
    confirmed: int = 0
    failed: int = 0
    open: int = 0
    half_done: int = 0
    waits_for_log: bool = False
    stopped_because: str = ""

    @property
    def urgency(self) -> Urgency:
        """The urgency with which a person is needed for this attempt alone."""
        return Urgency.CRITICAL if self.gave_up else Urgency.LOW


@dataclass(frozen=True, slots=True)
class TakenBackFacts:
    """Changes of a maintenance that are taken back, and those that stand all the same, by the reason.

    ``by_person``: somebody undid the maintenance; else only its rebalancing was rolled back, by itself.
    """

    taken_back: int
    left_because: Mapping[str, int]
    by_person: bool

    @property
    def left(self) -> int:
        """Changes that stand."""
        return sum(self.left_because.values())


@dataclass(frozen=True, slots=True)
class ListRates:
    """The rates of a list's last campaign as its assessment has them, and the trends of its bounces and its size. None: not
    known."""

    role: ListRole
    delivered: KeptRate | None = None
    bounced: KeptRate | None = None
    bounce_trend: BounceTrend = BounceTrend.UNKNOWN
    size_trend: SizeTrend = SizeTrend.UNKNOWN


class Trend(StrEnum):
    """The direction of a figure in this run; ``NONE`` where there is nothing to compare it with."""

    UP = "up"
    DOWN = "down"
    STABLE = "stable"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class KeyMetric:
    """A figure worth reading: its name in the closed set (``key_metrics.Metric``), its label and value for people."""

    name: str
    label: str
    value: str
    trend: Trend = Trend.NONE


@dataclass(frozen=True, slots=True)
class ActionItem:
    """Something for people to do in the coming week, and how soon."""

    priority: Urgency
    text: str


@dataclass(frozen=True, slots=True)
class ExecutiveReport:
    """The report for people who read nothing else. Every figure in it is one of the run's.

    Attributes:
        executive_summary: two or three sentences.
        actions_taken: only what is confirmed.
        highlights: of the week; empty, like ``action_items`` (most urgent first) and ``week_over_week``, in the report of
            a campaign.
        source: who chose the sentences and metrics. Sentences are those of the closed set, values are always computed.
    """

    executive_summary: str
    key_metrics: tuple[KeyMetric, ...] = ()
    actions_taken: tuple[str, ...] = ()
    recommendations: tuple[str, ...] = ()
    concerns: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    source: AdviceSource = AdviceSource.POLICY
    highlights: tuple[str, ...] = ()
    action_items: tuple[ActionItem, ...] = ()
    week_over_week: str = ""


@dataclass(frozen=True, slots=True)
class StoredReport(ExecutiveReport):
    """A report as it is kept, with the results that it is about.

    Attributes:
        results: hash of the question that the results make; another one asks for another report. Empty in a report of before
            that was kept.
        status: how the maintenance stood; None in the report of a week.
        advice: how the sentences came about; None in a report of before that was kept.
    """

    results: str = ""
    status: RunStatus | None = None
    advice: ConsultationSummary | None = None

    @property
    def as_written(self) -> ExecutiveReport:
        """The report alone, as it came from its author."""
        return ExecutiveReport(**{each.name: getattr(self, each.name) for each in fields(ExecutiveReport)})


def stored_report(report: ExecutiveReport, made: AgentRecord, status: RunStatus | None = None) -> StoredReport:
    """A new report as it is kept, with the record of the consultation behind it."""
    own = {each.name: getattr(report, each.name) for each in fields(ExecutiveReport)}
    return StoredReport(**own, results=made.prompt_hash, status=status, advice=made.summary())


@dataclass(frozen=True, slots=True)
class MaintenanceLinks:
    """Where details are. ``app_url`` and the links to run and partition are None when no base is configured."""

    log_id: int
    partition: str
    run_id: str = ""
    app_url: str | None = None
    run_url: str | None = None
    partition_url: str | None = None


@dataclass(frozen=True, slots=True)
class QuarantineFacts:
    """Whom the campaign's failures keep from mail, by reason, until when (UTC). ``waiting``: a person has to let that through;
    ``would``: how many would be, where nothing may be changed."""

    active: Mapping[QuarantineReason, int] = field(default_factory=dict)
    until: datetime | None = None
    waiting: int = 0
    would: int = 0


@dataclass(frozen=True, slots=True)
class MaintenanceFacts:
    """The facts of a maintenance run. Instants are UTC, rates and deviations percent, the rest counts.

    ``list_rates``: the figures behind ``assessments``. ``later_looks_days``: days after the end of sending at which this
    campaign is looked at again for late bounces. ``shadow``: what a changed policy beside the present one would have done.
    ``unknown``: failures for an unclear reason; ``contradictions``: those of them that one of Mailjet's sources does not have.
    ``told``: what Mailjet's Event API told of the failures that were read. ``new_contacts``: recipients that nothing was
    delivered to before; None where too few bounced to be counted.
    """

    status: RunStatus
    mode: str
    campaign_name: str
    round_number: int
    list_role: ListRole
    sent_at: datetime | None
    recipients: int
    links: MaintenanceLinks
    bounces: Mapping[str, int] = field(default_factory=dict)
    suppression: SuppressionFacts = field(default_factory=SuppressionFacts)
    rebalancing: RebalancingFacts = field(default_factory=RebalancingFacts)
    sender_faults: Sequence[SenderFault] = ()
    not_evidence: int = 0
    unknown: int = 0
    contradictions: int = 0
    lists: Sequence[ListChange] = ()
    deviation_before: float | None = None
    deviation_after: float | None = None
    mailjet_requests: int | None = None
    complaint_rate: ComplaintRate | None = None
    errors: Sequence[StageErrors] = ()
    assessments: Sequence[HealthAssessment] = ()
    list_rates: Sequence[ListRates] = ()
    report: ExecutiveReport | None = None
    next_campaign: str = ""
    review_reason: str = ""
    attempt: AttemptFacts | None = None
    judged_as_of: datetime | None = None
    later_looks_days: Sequence[int] = ()
    quarantine: QuarantineFacts = field(default_factory=QuarantineFacts)
    taken_back: TakenBackFacts | None = None
    shadow: str = ""
    told: str = ""
    new_contacts: NewContacts | None = None

    @property
    def is_rejected(self) -> bool:
        """Whether a person turned a plan of it down, as opposed to one that nobody decided on in time."""
        return Standing.REJECTED in (self.suppression.standing, self.rebalancing.standing)


class Metric(StrEnum):
    """The names of the figures, in the order in which they are shown."""

    CONTACTS_SUPPRESSED = "contacts_suppressed"
    CONTACTS_REBALANCED = "contacts_rebalanced"
    MAILABLE_CONTACTS = "mailable_contacts"
    LARGEST_DEVIATION = "largest_deviation"
    NOT_DELIVERED = "not_delivered"
    COMPLAINT_RATE = "complaint_rate"
    REFUSED_BY_OUR_FAULT = "refused_because_of_the_sender"
    HELD_FOR_REVIEW = "held_for_review"
    FAILED_SUPPRESSIONS = "failed_suppressions"
    SUPPRESSION_LIST = "suppression_list"


def key_metrics(facts: MaintenanceFacts) -> Mapping[Metric, KeyMetric]:
    """Every figure of the set that is known of a run, in order. What was not read is left out, never shown as zero."""
    suppression, rebalancing = facts.suppression, facts.rebalancing
    found = [_suppressed(suppression), _rebalanced(rebalancing)]
    lists = {each.role: each for each in facts.lists}
    mailable = [lists[role] for role in CAMPAIGN_LISTS if role in lists]
    after = [each.mailable_after for each in mailable if each.mailable_after is not None]
    if mailable and len(after) == len(CAMPAIGN_LISTS):
        before_total, total = sum(each.mailable_before for each in mailable), sum(after)
        found.append(_metric(Metric.MAILABLE_CONTACTS, "Can Be Mailed", f"{total:,}", _trend(before_total, total)))
    if facts.deviation_after is not None:
        trend = Trend.NONE
        if facts.deviation_before is not None:
            trend = _trend(told_percent(facts.deviation_before), told_percent(facts.deviation_after))
        value = percent_text(facts.deviation_after)
        found.append(_metric(Metric.LARGEST_DEVIATION, "Largest Distance From the Average", value, trend))
    failures = sum(facts.bounces.values())
    if facts.recipients > 0:
        value = share_text(failures, facts.recipients)
        found.append(_metric(Metric.NOT_DELIVERED, "Not Delivered or Complained", value))
    if facts.complaint_rate is not None:
        found.append(_metric(Metric.COMPLAINT_RATE, "Complaint Rate", facts.complaint_rate.text))
    for metric, label, count in (
        (
            Metric.REFUSED_BY_OUR_FAULT,
            "Refused Because of the Sender",
            sum(fault.contacts for fault in facts.sender_faults),
        ),
        (Metric.HELD_FOR_REVIEW, "Held Until Answered", suppression.held_for_review),
        (Metric.FAILED_SUPPRESSIONS, "Failed Suppressions", suppression.failed_total),
    ):
        if count:
            found.append(_metric(metric, label, f"{count:,}"))
    suppressed = lists.get(ListRole.SUPPRESSION)
    if suppressed is not None and suppressed.raw_after is not None:
        trend = _trend(suppressed.raw_before, suppressed.raw_after)
        found.append(_metric(Metric.SUPPRESSION_LIST, "Suppression List", f"{suppressed.raw_after:,}", trend))
    return {Metric(each.name): each for each in found}


def _suppressed(plan: SuppressionFacts) -> KeyMetric:
    is_conditional = plan.standing is Standing.WOULD and not plan.confirmed_total
    return _metric(
        Metric.CONTACTS_SUPPRESSED,
        "Would Be Suppressed" if is_conditional and plan.planned_total else "Contacts Suppressed",
        done_of(plan.confirmed_total, plan.planned_total, plan.standing),
    )


def _rebalanced(plan: RebalancingFacts) -> KeyMetric:
    name = Metric.CONTACTS_REBALANCED
    if plan.forecast is not None:
        return _metric(name, "Would Then Change or Join a List", f"{plan.forecast.contacts:,}")
    is_conditional = plan.standing is Standing.WOULD and plan.planned and not plan.confirmed
    label = "Would Change or Join a List" if is_conditional else "Contacts Rebalanced"
    return _metric(name, label, done_of(plan.confirmed, plan.planned, plan.standing))


def done_of(confirmed: int, planned: int, standing: Standing) -> str:
    """A figure of a plan, so that what is planned is never read as done: what would be done under a label that says so."""
    if confirmed == planned:
        return f"{confirmed:,}"
    if standing is Standing.WOULD:
        return f"{planned:,}" if not confirmed else f"{confirmed:,} at once, {planned - confirmed:,} more would be"
    if standing.is_turned_down:
        return f"{confirmed:,} ({planned - confirmed:,} left out)"
    return f"{confirmed:,}/{planned:,}"


def _metric(metric: Metric, label: str, value: str, trend: Trend = Trend.NONE) -> KeyMetric:
    return KeyMetric(metric.value, label, value, trend)


def _trend(before: float, after: float) -> Trend:
    if before == after:
        return Trend.STABLE
    return Trend.UP if after > before else Trend.DOWN
