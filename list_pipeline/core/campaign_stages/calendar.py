"""What stands in the calendar: every moment of a campaign's life, weekly checks, deadlines of people, and how each stands now.

Belongs here: when each entry is, whether it is planned, late or done, and its words. Does not belong here: where the facts come
from (``operations.campaign_stages.calendar``), and how a page or a calendar client shows them.

A campaign that is moved keeps its entries, at their new times; what was told for the old time stays beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.campaign_stages.policy import CALENDAR, STAGES
from list_pipeline.core.campaign_stages.times import (
    Stage,
    StageState,
    StageTime,
    Timing,
    confirmation,
    stages_before,
    why_skipped,
    wrapup,
)
from list_pipeline.core.campaigns.eligibility import SENT_STATUSES, CampaignStatus, CampaignTimes, Eligibility, eligible
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.validation.rules import validation_due_at
from list_pipeline.core.weekly.figures import Week
from list_pipeline.core.weekly.policy import WEEKLY
from list_pipeline.core.wording import count_text, instant_text


class EntryKind(StrEnum):
    """What an entry of the calendar is about, in the order in which entries of one instant stand."""

    ROUND = "round"
    FREEZE = "freeze"
    VALIDATION = "validation"
    STAGE = "stage"
    MAINTENANCE = "maintenance"
    REVIEW = "review"
    WEEKLY_CHECK = "weekly_check"


class EntryState(StrEnum):
    """How an entry stands. ``late``: it should be done by now, and is not. ``skipped``: it is not done, its words say why."""

    PLANNED = "planned"
    UNDER_WAY = "under_way"
    LATE = "late"
    DONE = "done"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One entry of the calendar. Instants in UTC.

    Attributes:
        name: what stays the same whenever and however it is shown, such as ``round-12``; no two entries have the same.
        at, until: when it begins and ends; ``until`` None: it is an instant, or its end is not known.
        title, words: what it is, and how it stands.
        campaign: its key; None: it belongs to none. list: the one that it is about; None: to none alone.
        changed_at: when what is stored of it was changed last; None: nothing is.
    """

    name: str
    kind: EntryKind
    state: EntryState
    at: datetime
    until: datetime | None
    title: str
    words: str
    campaign: str | None = None
    list: ListRole | None = None
    changed_at: datetime | None = None

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether it lies within a window, or reaches into it; the end of the window is not part of it."""
        return self.at < end and (self.until or self.at) >= start


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """What became of a stage of one launch (UTC)."""

    stage: Stage
    launch_at: datetime
    due_at: datetime
    state: StageState
    reason: str
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class ValidationOutcome:
    """A validation of a campaign; ``finished_at``: None where it is not settled at Mailjet."""

    number: int
    scheduled_at: datetime
    validated_at: datetime
    verdict: Severity
    is_blocking: bool
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """The latest attempt at a look at a campaign, and since when (UTC) it stands like that."""

    status: RunStatus
    attempt: int
    since: datetime


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """A campaign with all that its entries say. Instants in UTC, None where it is not known or did not happen.

    Attributes:
        scheduled_since: since when its time stands; None: it was never scheduled, but sent by hand at once.
        recipients: mailed; before the send the number that is expected; None: not known, or not yet. recipient_range: which of
            the cycle's recipients these are, such as ``1-1000``.
        retired_at: since when it is not scheduled any more.
        newcomers: which ranges of a new audience get their first mail with it, in words; empty: none.
        is_taken_back: a block of ours cancelled its schedule at Mailjet.
        changed_at: when its row was changed last.
    """

    number: int
    key: str
    name: str
    round_number: int
    cycle: int | None
    status: CampaignStatus
    scheduled_at: datetime
    scheduled_since: datetime | None
    began_at: datetime | None
    ended_at: datetime | None
    recipients: int | None
    recipient_range: str | None
    frozen_at: datetime | None
    retired_at: datetime | None
    is_taken_back: bool
    changed_at: datetime
    newcomers: str = ""
    stages: Sequence[StageOutcome] = ()
    validations: Sequence[ValidationOutcome] = ()
    sweeps: Mapping[Sweep, SweepOutcome] = field(default_factory=dict)

    @property
    def list(self) -> ListRole:
        """The list of its round."""
        return CAMPAIGN_LISTS[self.round_number - 1]

    @property
    def is_off(self) -> bool:
        """Whether it will not be sent, as far as is known."""
        return self.began_at is None and (self.retired_at is not None or self.is_taken_back)

    @property
    def validation_due_at(self) -> datetime:
        """From when on a validation counts: its due time, or when it was scheduled, if that was later."""
        due_at = validation_due_at(self.scheduled_at)
        return due_at if self.scheduled_since is None else max(due_at, self.scheduled_since)


@dataclass(frozen=True, slots=True)
class CalendarTimes:
    """The settings by which entries have their times.

    Attributes:
        delay_hours: of each look, hours after the end of sending. lookback_days: a send longer ago is not taken up.
        changes_take: the longest that a plan takes which begins now: no change to a list begins nearer to a send.
    """

    delay_hours: Mapping[Sweep, float]
    lookback_days: float
    changes_take: timedelta


def campaign_entries(one: CampaignFacts, times: CalendarTimes, now: datetime) -> Iterator[CalendarEntry]:
    """Everything that happens to a campaign, in no order."""
    yield _round(one, now)
    yield from _validations(one, now)
    yield from _stages(one, now)
    if one.is_off:
        return
    yield from _freeze(one, times, now)
    yield from _maintenances(one, times, now)


def week_entry(week: Week, status: RunStatus | None, since: datetime | None, now: datetime) -> CalendarEntry:
    """The check of a week. ``status``, ``since``: how its latest attempt stands, and since when; None: there was none."""
    entry = CalendarEntry(
        f"week-{week.key}",
        EntryKind.WEEKLY_CHECK,
        EntryState.PLANNED,
        week.due_at,
        None,
        "Weekly check",
        "",
        changed_at=since,
    )
    is_late = now >= week.due_at + WEEKLY.late_after
    if status is RunStatus.SUCCESS:
        return replace(entry, state=EntryState.DONE, words=f"Done at {instant_text(since)}.")
    if status is RunStatus.FAILED:
        return replace(entry, state=EntryState.LATE, words=f"It failed at {instant_text(since)}, and is tried again.")
    if status is not None:
        return replace(entry, state=EntryState.LATE if is_late else EntryState.UNDER_WAY, words="It is being made.")
    if is_late:
        return replace(entry, state=EntryState.LATE, words="It was not made yet.")
    state = EntryState.PLANNED if now < week.due_at else EntryState.UNDER_WAY
    return replace(entry, state=state, words="The check of the week's sends, sizes and lists.")


def _entry(
    one: CampaignFacts,
    kind: EntryKind,
    name: str,
    state: EntryState,
    at: datetime,
    *,
    title: str,
    words: str,
    until: datetime | None = None,
    changed_at: datetime | None = None,
) -> CalendarEntry:
    return CalendarEntry(name, kind, state, at, until, title, words, one.key, one.list, changed_at or one.changed_at)


def _round(one: CampaignFacts, now: datetime) -> CalendarEntry:
    state, words = _how_it_stands(one, now)
    if one.newcomers and state is not EntryState.CANCELLED:
        words += f" First mail to a new audience: {one.newcomers}."
    cycle = f" of cycle {one.cycle}" if one.cycle is not None else ""
    return _entry(
        one,
        EntryKind.ROUND,
        f"round-{one.number}",
        state,
        one.began_at or one.scheduled_at,
        until=one.ended_at,
        title=f"Round {one.round_number}{cycle} to {one.list.label}: {one.name or one.key}",
        words=words,
    )


def _how_it_stands(one: CampaignFacts, now: datetime) -> tuple[EntryState, str]:
    if one.began_at is not None:
        many = "" if one.recipients is None else f" to {count_text(one.recipients, 'contact')}{_of_cycle(one)}"
        if one.status in SENT_STATUSES:
            return EntryState.DONE, f"Sent{many}."
        return EntryState.UNDER_WAY, f"Mailjet is sending{many}."
    if one.retired_at is not None:
        happened = (
            "Mailjet never began to send it" if one.retired_at > one.scheduled_at else "It was taken back at Mailjet"
        )
        return EntryState.CANCELLED, f"{happened}."
    if one.is_taken_back:
        return EntryState.CANCELLED, "Its validation blocked it and took its schedule back."
    many = "" if one.recipients is None else f", {count_text(one.recipients, 'contact')} expected{_of_cycle(one)}"
    blocked = "BLOCKED by its validation" if one.status is CampaignStatus.BLOCKED else ""
    if now >= one.scheduled_at + CAMPAIGNS.not_started_after:
        if blocked:
            return EntryState.SKIPPED, f"{blocked}, and Mailjet did not begin to send it."
        return EntryState.LATE, f"Mailjet has not begun to send it{many}."
    if blocked:
        return EntryState.PLANNED, f"{blocked}; Mailjet sends it all the same while it is scheduled there."
    validated = "Validated" if one.status is CampaignStatus.READY else "Not validated yet"
    return EntryState.PLANNED, f"{validated}{many}."


def _of_cycle(one: CampaignFacts) -> str:
    return f" ({one.recipient_range} of the cycle)" if one.recipient_range is not None else ""


def _validations(one: CampaignFacts, now: datetime) -> Iterator[CalendarEntry]:
    title, due_at = f"Validation of {one.list.label}", one.validation_due_at
    is_made = False
    for found in one.validations:
        is_settled = found.finished_at is not None
        counts = found.scheduled_at == one.scheduled_at and found.validated_at >= due_at
        is_made = is_made or counts
        verdict = "critical, blocking" if found.is_blocking else found.verdict.value
        yield _entry(
            one,
            EntryKind.VALIDATION,
            # The one that counts stands where the planned one stood.
            f"validation-{one.number}"
            if counts and found is _latest(one)
            else f"validation-{one.number}-{found.number}",
            EntryState.DONE if is_settled else EntryState.UNDER_WAY,
            found.validated_at,
            title=title,
            words=f"Validated: {verdict}." if is_settled else f"Validated: {verdict}; it is being settled at Mailjet.",
            changed_at=found.finished_at or found.validated_at,
        )
    if is_made or one.is_off or one.began_at is not None or now >= one.scheduled_at:
        return
    is_late = now >= due_at + CALENDAR.work_late_after
    state = EntryState.PLANNED if now < due_at else EntryState.LATE if is_late else EntryState.UNDER_WAY
    words = (
        "It was not made yet, and is tried until the launch."
        if is_late
        else "The preflight: list, campaign and sender."
    )
    yield _entry(one, EntryKind.VALIDATION, f"validation-{one.number}", state, due_at, title=title, words=words)


def _latest(one: CampaignFacts) -> ValidationOutcome:
    return max(one.validations, key=lambda found: found.number)


def _stages(one: CampaignFacts, now: datetime) -> Iterator[CalendarEntry]:
    noted = set()
    for found in one.stages:
        is_present = found.launch_at == one.scheduled_at
        if is_present:
            noted.add(found.stage)
        if found.stage is Stage.PREFLIGHT and found.state is StageState.TOLD:
            # Its message is that of the validation, which stands there by itself.
            continue
        name = f"stage-{one.number}-{found.stage.value}"
        moved = "" if is_present else f" It was for the launch at {instant_text(found.launch_at)}, which was moved."
        words = (
            f"Told at {instant_text(found.noted_at)}."
            if found.state is StageState.TOLD
            else f"Skipped: {found.reason}."
        )
        yield _entry(
            one,
            EntryKind.STAGE,
            name if is_present else f"{name}-{found.launch_at:%Y%m%dT%H%M}",
            EntryState.DONE if found.state is StageState.TOLD else EntryState.SKIPPED,
            found.due_at,
            title=_stage_title(one, found.stage),
            words=f"{words}{moved}",
            changed_at=found.noted_at,
        )
    if one.is_off or one.scheduled_at <= now - STAGES.looked_back:
        return
    for time in _stage_times(one, now):
        if time.stage not in noted and time.stage is not Stage.PREFLIGHT:
            state, words = _stage_now(one, time, now)
            yield _entry(
                one,
                EntryKind.STAGE,
                f"stage-{one.number}-{time.stage.value}",
                state,
                time.due_at,
                title=_stage_title(one, time.stage),
                words=words,
            )


def _stage_title(one: CampaignFacts, stage: Stage) -> str:
    return f"{stage.label.capitalize()} of round {one.round_number} to {one.list.label}"


def _stage_times(one: CampaignFacts, now: datetime) -> Iterator[StageTime]:
    if one.scheduled_since is not None:
        yield from stages_before(one.scheduled_at)
    begins_at = one.began_at or one.scheduled_at
    if one.began_at is not None or now < one.scheduled_at:
        yield from (confirmation(begins_at), wrapup(begins_at))


def _stage_now(one: CampaignFacts, time: StageTime, now: datetime) -> tuple[EntryState, str]:
    if time.timing(now) is Timing.TOO_LATE:
        return EntryState.SKIPPED, f"Skipped: {why_skipped(time, one.scheduled_since, one.began_at)}."
    if time.timing(now) is Timing.NOT_YET:
        return EntryState.PLANNED, f"Of use until {instant_text(time.useful_until)}."
    late_after = CALENDAR.work_late_after if time.stage is Stage.WRAPUP else CALENDAR.message_late_after
    is_late = now >= time.due_at + late_after
    return (EntryState.LATE, "It was not told yet.") if is_late else (EntryState.UNDER_WAY, "It is being told.")


def _freeze(one: CampaignFacts, times: CalendarTimes, now: datetime) -> Iterator[CalendarEntry]:
    if one.began_at is None and now >= one.scheduled_at + VALIDATION.missed_after:
        return
    begins_at, known = min(one.scheduled_at - times.changes_take, one.validation_due_at), one.scheduled_since
    if known is not None and one.ended_at is not None and known >= one.ended_at:
        # It was over when it was first seen: nothing of ours was kept from anything.
        return
    if known is not None:
        begins_at = max(begins_at, known)
    if one.began_at is not None:
        # Nobody may have known of it before Mailjet began.
        begins_at, until = one.began_at if known is None else min(begins_at, one.began_at), one.ended_at
        state = EntryState.DONE if one.status in SENT_STATUSES else EntryState.UNDER_WAY
    else:
        until = one.scheduled_at
        if now >= until:
            # It is kept still until Mailjet begins, or is known not to.
            until = one.scheduled_at + VALIDATION.missed_after
        state = EntryState.PLANNED if now < begins_at else EntryState.UNDER_WAY
    yield _entry(
        one,
        EntryKind.FREEZE,
        f"freeze-{one.number}",
        state,
        begins_at,
        until=until,
        title=f"{one.list.label} is kept as it is",
        words=f"Nothing of ours changes it but suppressions until round {one.round_number} is sent.",
    )


_ENDED_WELL = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL_SUCCESS, RunStatus.REJECTED})
"""A later look follows a first one that ended in this way."""


def _maintenances(one: CampaignFacts, times: CalendarTimes, now: datetime) -> Iterator[CalendarEntry]:
    first = one.sweeps.get(Sweep.H24)
    sending = CampaignTimes(one.key, one.status, one.ended_at, one.began_at, one.scheduled_at)
    of_first = eligible(sending, now, delay_hours=times.delay_hours[Sweep.H24], lookback_days=times.lookback_days)
    began_too_long_ago = of_first.verdict is Eligibility.TOO_OLD
    for sweep in Sweep:
        delay, found = times.delay_hours[sweep], one.sweeps.get(sweep)
        verdict = eligible(sending, now, delay_hours=delay, lookback_days=times.lookback_days)
        if verdict.due_at is None or (one.began_at is None and now >= one.scheduled_at + VALIDATION.missed_after):
            continue
        state, words = EntryState.PLANNED, "The look after the send: bounces, suppressions, evening out."
        if sweep is not Sweep.H24:
            words = "Another look, for late bounces."
        if found is not None:
            state, words = _attempt(found)
        elif verdict.verdict is Eligibility.TOO_OLD:
            state, words = EntryState.SKIPPED, f"Not done by itself: {verdict.reason}."
        elif first is None and began_too_long_ago:
            state, words = (
                EntryState.SKIPPED,
                "Not done by itself: the look after a day was not made, and is not any more.",
            )
        elif verdict.is_eligible:
            state, words = EntryState.UNDER_WAY, "It is about to begin."
            if sweep is not Sweep.H24 and (first is None or first.status not in _ENDED_WELL):
                words = "It waits for the end of the look after a day."
            elif now >= verdict.due_at + CALENDAR.work_late_after:
                state, words = EntryState.LATE, "It has not begun."
        yield _entry(
            one,
            EntryKind.MAINTENANCE,
            f"maintenance-{one.number}-{sweep.value}",
            state,
            verdict.due_at,
            title=f"Maintenance of round {one.round_number} to {one.list.label}, {sweep.value} after it",
            words=words,
            changed_at=found.since if found is not None else one.changed_at,
        )


def _attempt(found: SweepOutcome) -> tuple[EntryState, str]:
    since = instant_text(found.since)
    if found.status is RunStatus.FAILED:
        return EntryState.LATE, f"Attempt {found.attempt} failed at {since}."
    if found.status is RunStatus.PENDING_REVIEW:
        return EntryState.UNDER_WAY, f"A plan of it has waited for a person since {since}."
    if found.status is RunStatus.RUNNING:
        return EntryState.UNDER_WAY, f"Under way since {since}."
    if found.status is RunStatus.READ_ONLY:
        return EntryState.UNDER_WAY, f"Only looked at {since}, since nothing may be changed."
    return EntryState.DONE, f"{found.status.value.replace('_', ' ').capitalize()} at {since}."
