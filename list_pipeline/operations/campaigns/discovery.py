"""Campaigns: finding sends at Mailjet, and collecting their figures. Who was mailed: ``recipients``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaigns.cycles import (
    CampaignSend,
    ClosedReason,
    Cycle,
    CycleAssignment,
    RoundDoubt,
    RoundRuling,
    assign_again,
    assign_sends,
    closed_without,
    content_of,
    open_cycle,
    segment_doubt,
)
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.campaigns.recipients import counters_problem
from list_pipeline.core.errors import IncompleteDataError, NotFoundError, RefusedError, RemoteNotFoundError
from list_pipeline.core.foreign_text import REPLACEMENT
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListIds, ListRole
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.observations import CampaignType, RowKind, SendCounters, SendSeen, UnreadableRow
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.reviews.questions import CYCLE_CLOSED, ROUND_DOUBT
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.wording import count_text
from list_pipeline.integrations.mailjet.errors import UnreadableFieldError
from list_pipeline.operations import unreadable_rows
from list_pipeline.operations.access import Observing, ReadingMailjet
from list_pipeline.operations.campaigns import odd_sends
from list_pipeline.operations.campaigns.automations import lists_with_automations, newly_automated
from list_pipeline.operations.campaigns.recipients import ATTEMPTS, know_recipients, note_mailed_twice
from list_pipeline.storage import unreadable_rows as unreadable_row_storage
from list_pipeline.storage.campaigns import closings, rounds, scheduled_campaigns, sent_campaigns
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.unreadable_rows import NoRound

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Discovery:
    """The result of a look at Mailjet's campaigns: partition keys of new campaigns, ignored sends, and alerts in words."""

    new: list[str] = field(default_factory=list)
    known: int = 0
    ignored: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


def discover(services: Observing) -> Discovery:
    """Take over the sends of the look-back period into the campaign schedule; one request for up to a thousand sends, and one
    for the draft of each new one.

    A send to a list that is none of ours, to a segment, of an automation or transactional is noted with the reason and never
    taken for a round; a segment that got the content of the open cycle, a part of an A/B test and a type that nobody
    documented are asked about. A campaign that stood in the schedule before goes on in its row. Freezes of lists that nothing
    is sent to any more end here. A send that cannot be read costs the others nothing; nobody moves between lists while it may
    be a round: as long as a cycle waits for one, since it was sent, or was seen first where that cannot be read.
    """
    now = services.clock.now()
    since = now - timedelta(days=services.settings.list_history_lookback_days)
    sends = services.mailjet.sends(since=since)
    odd = _oddities(services, sends, now)
    result = Discovery()
    with services.database.begin() as connection:
        # Sensors and runs look at the same time: whoever comes second finds the rows of the first.
        sent_campaigns.lock_schedule(connection)
        ids = [send.mailjet_campaign_id for send in sends]
        known, rulings = rounds.known_roles(connection, ids), rounds.rulings(connection, ids)
        # Who stands in the schedule has a round already; under wrong ids it was noted as another list's too.
        foreign = rounds.sends_of_other_lists(connection, ids) - known.keys()
        parts = rounds.parts_of_lists(connection, ids)
        automated = lists_with_automations(services, connection)
        assignable: list[CampaignSend] = []
        segments: list[tuple[SendSeen, CampaignSend]] = []
        settled = known.keys() | rounds.no_rounds(connection, services.list_ids, ids)
        said = _said_no_rounds(connection, sends)
        spoilt = [_unreadable(send, services.list_ids, settled, said.keys(), now) for send in sends if send.problem]
        unreadable_rows.note_all(connection, RowKind.CAMPAIGN, spoilt, now)
        unreadable_row_storage.let_go(connection, RowKind.CAMPAIGN, now - CAMPAIGNS.round_wait)
        unreadable_row_storage.let_sent_go(connection, said.keys(), now - CAMPAIGNS.sending_takes)
        for send in sends:
            if send.problem:
                continue
            reason, role = place_send(send, services.list_ids)
            if role is None or send.send_started_at is None:
                _ignore(connection, send, reason, now, result)
                continue
            found = CampaignSend(
                send.mailjet_campaign_id,
                role,
                send.send_started_at,
                send.send_ended_at,
                content_of(send.subject),
                rulings.get(send.mailjet_campaign_id, _inherited(send, said, known.keys())),
                is_segment=reason is not None or send.mailjet_campaign_id in parts or send.mailjet_campaign_id in odd,
                oddity=odd.get(send.mailjet_campaign_id),
            )
            if found.is_segment:
                segments.append((send, found))
                continue
            assignable.append(found)
            _take_over(connection, send, found, known.keys(), now, result)
            if found.mailjet_campaign_id not in rulings and found.ruling is not None:
                _rule_as_said(connection, found.mailjet_campaign_id, said[found.mailjet_campaign_id], result)
        assignment = _assign(connection, assignable, known, foreign, now, result)
        doubts = dict(assignment.doubts)
        for send, found in segments:
            doubt = segment_doubt(assignment.cycles, found, now)
            if doubt is None and found.mailjet_campaign_id not in known:
                _ignore(connection, send, "segment", now, result)
                continue
            _take_over(connection, send, found, known.keys(), now, result)
            doubts |= {found.mailjet_campaign_id: doubt} if doubt is not None else {}
        if unnamed := newly_automated(services, connection, automated):
            result.alerts.append(unnamed)
        # Said when it happens, and only then: the next look finds the cycle as this one left it.
        for sentence in result.alerts:
            plan_rows.add_finding(connection, sentence, now)
        _note_alerts(connection, assignment, now)
        result.alerts.extend(alert.sentence for alert in assignment.alerts)
        note_doubts(connection, replace(assignment, doubts=doubts), now)
        sent_campaigns.thaw_missed(connection, now - VALIDATION.missed_after)
        recipient_rows.note_ranges(connection)
    log.info("campaigns discovered", new=len(result.new), known=result.known, ignored=len(result.ignored))
    return result


def _oddities(services: Observing, sends: Sequence[SendSeen], now: datetime) -> Mapping[int, RoundDoubt]:
    """What Mailjet says of new sends for which they are no round by themselves. Whether one is part of an A/B test only its
    draft tells, so it is asked for, once; not that of a send so old that nobody is asked about it any more."""
    with services.database.begin() as connection:
        known = rounds.known_roles(connection, [send.mailjet_campaign_id for send in sends]).keys()
    found = {}
    for send in sends:
        started = send.send_started_at
        if (
            send.problem
            or send.mailjet_campaign_id in known
            or started is None
            or now - started >= CAMPAIGNS.round_wait
        ):
            continue
        reason, role = place_send(send, services.settings.list_ids())
        if role is None or reason is not None:
            continue
        if send.campaign_type not in (None, CampaignType.MARKETING):
            found[send.mailjet_campaign_id] = RoundDoubt.UNKNOWN_TYPE
        elif send.draft_id is not None and (doubt := _draft_doubt(services, send.draft_id)) is not None:
            found[send.mailjet_campaign_id] = doubt
    return found


def _draft_doubt(services: Observing, draft_id: int) -> RoundDoubt | None:
    try:
        return RoundDoubt.AB_TEST if services.mailjet.drafts.one(draft_id).is_ab_test else None
    except RemoteNotFoundError:
        # Deleted since it was sent: then the order of sends is all that there is to go by.
        return None
    except UnreadableFieldError:
        return RoundDoubt.UNKNOWN_TYPE


def _said_no_rounds(connection: Connection, sends: Sequence[SendSeen]) -> Mapping[int, NoRound]:
    """The sends, by their ids, of which a person said that they are no round while they, or their drafts, could not be read."""
    of_sends = unreadable_row_storage.no_rounds(connection, RowKind.CAMPAIGN)
    of_drafts = unreadable_row_storage.no_rounds(connection, RowKind.DRAFT)
    by_draft = {send.mailjet_campaign_id: of_drafts.get(send.draft_id or 0) for send in sends}
    return {**{number: said for number, said in by_draft.items() if said is not None}, **of_sends}


def _inherited(send: SendSeen, said: Mapping[int, NoRound], known: Collection[int]) -> RoundRuling | None:
    """What a person said of a new send before it could be read."""
    is_ruled = send.mailjet_campaign_id in said and send.mailjet_campaign_id not in known
    return RoundRuling.NOT_A_ROUND if is_ruled else None


def _rule_as_said(connection: Connection, mailjet_campaign_id: int, said: NoRound, result: Discovery) -> None:
    """A send that can be read by now stays what a person said of it before, and people are told that it does."""
    rounds.rule(connection, mailjet_campaign_id, RoundRuling.NOT_A_ROUND, said.by, said.note, said.at)
    key = sent_campaigns.campaign_of_send(connection, mailjet_campaign_id).key
    result.alerts.append(
        f"Campaign {key} can be read by now. It stays no round of a cycle, as {said.by} said of it; if it is one after all: "
        f"`list-pipeline round {key}`"
    )


def _unreadable(
    send: SendSeen, list_ids: ListIds, settled: Collection[int], no_rounds: Collection[int], now: datetime
) -> UnreadableRow:
    """A send that cannot be read. What is settled has its round or is none; of another list none can be, and what is older than
    a cycle waits for a round decides nothing any more. One that is none by a person's word is as any other extra mailing: while
    it is being sent, its list is not changed, and which one that is, is not known."""
    is_elsewhere = send.list_id is not None and list_ids.role_of(send.list_id) not in CAMPAIGN_LISTS
    told = [at for at in (send.created_at, send.send_started_at, send.send_ended_at) if at is not None]
    wait = CAMPAIGNS.sending_takes if send.mailjet_campaign_id in no_rounds else CAMPAIGNS.round_wait
    is_old = bool(told) and now - max(told) >= wait
    is_over = send.mailjet_campaign_id in no_rounds and send.send_ended_at is not None
    return UnreadableRow(
        RowKind.CAMPAIGN,
        send.mailjet_campaign_id,
        send.problem,
        mailjet_campaign_id=send.mailjet_campaign_id,
        list_id=send.list_id,
        holds_moves=not (send.mailjet_campaign_id in settled or send.is_deleted or is_elsewhere or is_old or is_over),
    )


def _ignore(connection: Connection, send: SendSeen, reason: str | None, now: datetime, result: Discovery) -> None:
    if reason and sent_campaigns.ignore_send(connection, send, reason, now):
        result.ignored.append(f"Mailjet campaign {send.mailjet_campaign_id}: {_IGNORED[reason]}")
        if reason in _ELSEWHERE and send.draft_id is not None and send.send_started_at is not None:
            odd_sends.note_elsewhere(connection, send.draft_id, _ELSEWHERE[reason], send.send_started_at, now)


def _take_over(
    connection: Connection,
    send: SendSeen,
    found: CampaignSend,
    known: Collection[int],
    now: datetime,
    result: Discovery,
) -> None:
    """Write a send into the schedule, or what is new about it."""
    status = CampaignStatus.SENT if _is_sent(send, now) else CampaignStatus.LAUNCHING
    if send.mailjet_campaign_id in known:
        sent_campaigns.update_send(connection, send, status=status, now=now)
        result.known += 1
        return
    scheduled = scheduled_campaigns.by_draft(connection, send.draft_id) if send.draft_id is not None else None
    if scheduled is not None and scheduled_campaigns.begin_send(
        connection, send, found.role, status, now, is_segment=found.is_segment
    ):
        # It stood in the schedule before it was sent: the same row and the same partition go on.
        odd_sends.note_start(connection, scheduled, found.role, found.at, now)
        result.known += 1
        return
    key = partition_key(send, found.role)
    sent_campaigns.insert_send(
        connection,
        send,
        key=key,
        name=redact_addresses(send.subject).strip() or f"Campaign {send.mailjet_campaign_id}",
        role=found.role,
        list_name=found.role.value,
        status=status,
        now=now,
        is_segment=found.is_segment,
    )
    result.new.append(key)
    if REPLACEMENT in send.subject:
        result.alerts.append(
            f"The subject of campaign {key} holds characters that cannot be kept; they stand as {REPLACEMENT} here"
        )


def _assign(
    connection: Connection,
    assignable: Sequence[CampaignSend],
    known: Mapping[int, ListRole],
    foreign: Collection[int],
    now: datetime,
    result: Discovery,
) -> CycleAssignment:
    """Put the sends into cycles. Those that were taken for sends to another list, because other ids were configured when they
    were discovered, are put right first, and the cycles since then made anew.

    Args:
        known: the campaign lists of the sends that stood in the schedule before. foreign: those that were none of ours.

    A send because of which lists were changed, or on whose round a person ruled, stays as it is.
    """
    wrong = {
        send.mailjet_campaign_id: send
        for send in assignable
        if known.get(send.mailjet_campaign_id, send.role) is not send.role
    }
    moved = rounds.undecided(connection, wrong) if wrong else frozenset()
    for mailjet_campaign_id in sorted(moved):
        rounds.move_round(connection, mailjet_campaign_id, wrong[mailjet_campaign_id].role, now)
    again = [send for send in assignable if send.mailjet_campaign_id in moved or send.mailjet_campaign_id in foreign]
    if again:
        log.warning("rounds of sends were put right", sends=len(again))
        result.alerts.append(
            f"{count_text(len(again), 'send')} had been taken for sends to another list, because other ids were configured; "
            "their rounds, and the cycles since then, were derived anew"
        )
        first = min(again, key=lambda send: send.at)
        try:
            closed, cycles = closings.standing(connection), sent_campaigns.all_cycles(connection)
            assignment, kept = assign_again(cycles, rounds.sends(connection), first, now, closings=closed)
        except RefusedError as error:
            # What a person ruled on another send does not go with it: that one is asked about, the cycles stay.
            result.alerts.append(f"Cycles were not derived anew: {error}")
        else:
            rounds.replace_cycles(connection, kept, assignment.cycles)
            note_mailed_twice(connection, assignment.placed, now)
            return assignment
    cycles = sent_campaigns.recent_cycles(connection, min((send.at for send in assignable), default=now))
    assignment = assign_sends(cycles, assignable, now, closings=closings.standing(connection))
    # Most looks find nothing new, and write nothing.
    sent_campaigns.save_cycles(connection, [cycle for cycle in assignment.cycles if cycle not in cycles])
    return assignment


_CYCLE_NEWS = timedelta(days=7)
"""What happened to a cycle longer ago is noted, as everything at a first look is, and tells nobody anything for today."""


def _note_alerts(connection: Connection, assignment: CycleAssignment, now: datetime) -> None:
    """Write down what happened to cycles, each with the campaign that its cycle began with."""
    begun_with = {
        cycle.number: min(cycle.sent.values(), key=lambda sent: sent.at).mailjet_campaign_id
        for cycle in assignment.cycles
        if cycle.sent
    }
    ended = {cycle.number: cycle.closed_at or now for cycle in assignment.cycles}
    for alert in assignment.alerts:
        campaign_id = sent_campaigns.campaign_of_send(connection, begun_with[alert.cycle_number]).campaign_id
        about = CYCLE_CLOSED if now - ended[alert.cycle_number] <= _CYCLE_NEWS else None
        plan_rows.add_finding(connection, alert.sentence, now, campaign_id=campaign_id, about=about)


def _where_it_stands(connection: Connection, assignment: CycleAssignment, mailjet_campaign_id: int) -> str:
    """What `fits` would confirm. An extra mailing that came first is not doubted itself: the rounds after it are."""
    for cycle in assignment.cycles:
        ids = [sent.mailjet_campaign_id for sent in sorted(cycle.sent.values(), key=lambda sent: sent.at)]
        if mailjet_campaign_id in ids:
            others = [sent_campaigns.campaign_of_send(connection, one).key for one in ids if one != mailjet_campaign_id]
            if not others:
                return "For now it begins a cycle."
            return (
                f"For now it stands in one cycle with {' and '.join(others)}; if that is an extra mailing, say `not_a_round` "
                "of that one instead."
            )
    return "For now it stands in none."


def note_doubts(connection: Connection, assignment: CycleAssignment, now: datetime) -> None:
    """Ask about sends that do not fit; a cycle that was sent whole and with one content answers what was before it."""
    # What is placed anew after a ruling on another send may fit by now.
    rounds.end_doubts(connection, assignment.placed.keys() - assignment.doubts.keys())
    plain = [c for c in assignment.cycles if c.closed_reason is ClosedReason.COMPLETE and len(c.contents) <= 1]
    for key, doubt in rounds.save_doubts(connection, assignment.doubts).items():
        campaign = sent_campaigns.campaign_by_key(connection, key)
        words = (
            f"Campaign {key} fits no cycle: {doubt.words}. {_where_it_stands(connection, assignment, sent_id(campaign))} Until "
            f"somebody says what it is, nobody moves between lists: `list-pipeline round {key} not_a_round`, `joins`, `begins` "
            "or `fits`, with --by NAME"
        )
        plan_rows.add_finding(connection, words, now, campaign_id=campaign.campaign_id, about=ROUND_DOUBT)
    if plain:
        rounds.drop_doubts(connection, sent_until=plain[-1].last_sent_at)


_IGNORED = {
    "deleted": "deleted at Mailjet",
    "no_list": "not sent to a list",
    "list_not_ours": "sent to a list that is none of the three campaign lists",
    "segment": "sent to a segment of a list only, so it is no round of a cycle",
    "workflow": "a mail of an automation, which goes to each contact when it enters, so it is no round of a cycle",
    "transactional": "a transactional mail, so it is no round of a cycle",
}


_ELSEWHERE = {
    "list_not_ours": "a list that is none of the three campaign lists",
    "segment": "a segment of its list only",
}
"""Where a send went that stood in the schedule for a whole campaign list."""


def place_send(send: SendSeen, list_ids: ListIds) -> tuple[str | None, ListRole | None]:
    """The campaign list of a send, or the reason for which it is ignored; both for a segment of a list, which is no round by
    itself. An unmapped send is never round 1."""
    if send.is_deleted:
        return "deleted", None
    if send.workflow_id is not None:
        return "workflow", None
    if send.campaign_type == CampaignType.TRANSACTIONAL:
        return "transactional", None
    if not send.list_id:
        return "no_list", None
    role = list_ids.role_of(send.list_id)
    if role not in CAMPAIGN_LISTS:
        return "list_not_ours", None
    if send.segmentation_id:
        return "segment", role
    return None, role


def partition_key(send: SendSeen, role: ListRole) -> str:
    """The key of a campaign's partition: day, round and Mailjet's id, in characters that every tool accepts."""
    when = send.send_started_at or send.created_at
    if when is None:
        raise ValueError("a send has a start or a creation")
    return f"{when:%Y-%m-%d}-r{role.round_number}-{send.mailjet_campaign_id}"


def _is_sent(send: SendSeen, now: datetime) -> bool:
    started = send.send_started_at
    return send.send_ended_at is not None or (started is not None and now - started >= CAMPAIGNS.sending_takes)


def campaign(connection: Connection, key: str) -> Campaign:
    """The campaign of a partition key: what every asset looks up before anything else.

    Raises:
        NotFoundError: there is no such campaign, or it has no Mailjet id yet.
    """
    found = sent_campaigns.campaign_by_key(connection, key)
    sent_id(found)
    return found


def sent_id(campaign: Campaign) -> int:
    """The Mailjet id of a campaign that was sent.

    Raises:
        NotFoundError: it has none yet.
    """
    if campaign.mailjet_campaign_id is None:
        raise NotFoundError(
            f"Looking for the send of campaign {campaign.key}",
            "it has no Mailjet campaign id",
            "Wait until it was sent",
        )
    return campaign.mailjet_campaign_id


def cycle_now(connection: Connection, now: datetime) -> OpenCycle:
    """The cycle that is open now, and what is known of its recipients."""
    return _cycle_as_of(connection, open_cycle(sent_campaigns.recent_cycles(connection, now), now), now)


def cycle_of_draft(connection: Connection, role: ListRole, subject: str, now: datetime) -> OpenCycle:
    """The cycle that a campaign to a list goes on with when it is sent: one that a person closed without this round, if the
    campaign has its content, else the one that is open now."""
    cycles = sent_campaigns.recent_cycles(connection, now)
    return _cycle_as_of(connection, closed_without(cycles, role, content_of(subject)) or open_cycle(cycles, now), now)


def _cycle_as_of(connection: Connection, cycle: Cycle | None, now: datetime) -> OpenCycle:
    if cycle is None:
        return OpenCycle()
    sent, unrecorded = cycle.sent_by(now), recipient_rows.unrecorded_in_cycle(connection, cycle.number)
    return OpenCycle(cycle.number, sent, unrecorded & sent, {role: cycle.sent[role].at for role in sent})


def collect_metrics(services: ReadingMailjet, campaign: Campaign, sweep: Sweep) -> dict[str, Any]:
    """The figures of a campaign as Mailjet counts them, stored once per sweep. Who was mailed is read first where it is not
    known yet.

    Raises:
        IncompleteDataError: it cannot be read who was mailed, or Mailjet counts fewer messages than there are.
    """
    with services.database.begin() as connection:
        stored = sent_campaigns.metrics(connection, campaign.campaign_id, sweep.value)
    if stored is not None:
        return stored
    counters, now = whole_counters(services, know_recipients(services, campaign)), services.clock.now()
    with services.database.begin() as connection:
        return sent_campaigns.save_metrics(connection, campaign, sweep.value, counters, rates_of(counters), now)


def whole_counters(services: ReadingMailjet, campaign: Campaign) -> SendCounters:
    """The counters of a campaign whose recipients are known.

    Raises:
        IncompleteDataError: they count fewer messages than contacts were mailed, three times over.
    """
    for _ in range(ATTEMPTS):
        try:
            counters = services.mailjet.send_counters(sent_id(campaign))
        except IncompleteDataError as error:
            problem = error.happened
            continue
        problem = counters_problem(counters, campaign.recipient_count or 0)
        if not problem:
            return counters
    raise IncompleteDataError(
        f"Reading the counters of campaign {campaign.key}",
        problem,
        "Nothing was changed; they are read again by the next attempt",
    )


def rates_of(counters: SendCounters) -> dict[str, float | None]:
    """Rates in percent of the processed messages; None where nothing was processed."""
    bounced = counters.hard_bounced + counters.soft_bounced
    parts = {
        "delivery_rate": counters.sent,
        "bounce_rate": bounced,
        "hard_bounce_rate": counters.hard_bounced,
        "soft_bounce_rate": counters.soft_bounced,
        "open_rate": counters.opened,
        "click_rate": counters.clicked,
    }
    return {name: 100 * part / counters.total if counters.total else None for name, part in parts.items()}
