"""Reconciliation, daily and after an absence: Mailjet's lists read whole against our rows; drift is reported, and nothing is
changed at Mailjet.

Findings are written first; only then our rows follow Mailjet, through the ordinary sync. What breaks a rule of the lists
becomes a plan with a proposed repair that waits for a person. The comparison of the two sources of bounces is
``core.bounces.sources``; this one is about the lists.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from list_pipeline.core.drift.findings import (
    ALERTS,
    POLICY_VERSION,
    DriftKind,
    Finding,
    RepairSummary,
    Standing,
    differs,
    find,
    looks_like_our_work,
)
from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError, StateChangedError
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.observations import ContactSeen
from list_pipeline.core.plans.automations import Automations, entering_words
from list_pipeline.core.plans.plan import PlanKind, PlanStatus, content_hash
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.wording import count_text, ids_text
from list_pipeline.operations import unreadable_rows
from list_pipeline.operations.access import ReadingMailjet, Reconciling, Storing
from list_pipeline.operations.campaigns.automations import automations_now
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.drift.alert import NO_LONGER_SO, NOT_NEEDED, tell, tell_over
from list_pipeline.operations.drift.mass_changes import tell_about_mass_changes
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.safety import restore_guard
from list_pipeline.storage import drift as drift_rows
from list_pipeline.storage import five_lists
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.mass_changes import asked_as_mass_change
from list_pipeline.storage.membership.sync import SyncStaging
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.unreadable_rows import end_nameless

log = structlog.get_logger(__name__)


_ATTEMPTS = 3
_SINGLE_READS_MAX = 50
"""Contacts are read one by one up to this number, beyond it by paging their list."""
_IDS_SHOWN = 5
_NOTES = frozenset(DriftKind) - ALERTS


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The findings of a reconciliation.

    Attributes:
        findings: every difference and broken rule, also those of ordinary life (sign-ups, unsubscribes).
        told: findings that people had not been told of.
        proposals: number and content hash of each plan that was made and waits for a person.
        expired: waiting plans that nobody needs any more.
        followed: whether our rows were brought up to Mailjet's lists afterwards.
        stopped_because: why no list may be changed until a person accepts, or None.
        alert: what became of the message: ``sent``, ``failed``, ``unknown``, ``skipped``, or None when there was none.
        requests: to Mailjet, the sync that followed included; ``sync_requests`` are that sync's, which counts its own.
    """

    reconciliation_id: int
    started_at: datetime
    finished_at: datetime
    contacts_compared: int
    findings: tuple[Finding, ...]
    told: tuple[Finding, ...]
    proposals: tuple[tuple[int, str], ...]
    expired: tuple[int, ...]
    followed: bool
    stopped_because: str | None
    alert: str | None
    requests: int
    sync_requests: int

    @property
    def counts(self) -> Mapping[DriftKind, int]:
        """Findings by kind, every kind named."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in DriftKind}


def reconcile(services: Reconciling, *, run_id: str | None = None, progress: Progress = logged) -> Reconciliation:
    """Compare the five lists at Mailjet with our rows, write down what differs, and propose repairs.

    Raises:
        RemoteNotFoundError: one of the lists does not exist.
        IncompleteDataError: a list could not be read whole, or lists kept being changed meanwhile. Nothing was concluded.
    """
    requests_before = services.mailjet.requests_made
    restore_guard.check_continuity(services)
    _follow_other_lists(services)
    started_at = services.clock.now()
    with services.database.begin() as connection:
        reconciliation_id = drift_rows.begin(connection, run_id, started_at)
    standings, contacts = _compare(services, progress)
    findings = tuple(finding for standing in standings for finding in find(standing))
    own_work = sum(1 for standing in standings if looks_like_our_work(standing))
    requests = services.mailjet.requests_made - requests_before
    with services.database.begin() as connection:
        drift_rows.one_writer(connection)
        now = services.clock.now()
        proposals, plan_of = _propose(connection, findings, automations_now(services, connection), now)
        expired = _expire(connection, findings, now)
        told = _tell_people(connection, findings, set(plan_of), now)
        fine = _close_fine(connection, findings, now)
        drift_rows.add_findings(connection, reconciliation_id, findings, plan_of)
        drift_rows.finish(
            connection, reconciliation_id, contacts=contacts, requests=requests, own_work=own_work, now=now
        )
        stopped_because = restore_guard.settle(connection)
        is_new_stop = stopped_because is not None and _ask_about_stop(connection, stopped_because, findings, now)
    progress(f"{contacts:,} contacts compared, {len(findings)} findings, {len(proposals)} repairs proposed")
    synced = sync(services, full=True).requests if any(map(differs, standings)) else 0
    _close_asked_otherwise(services)
    tell_about_mass_changes(services)
    with services.database.begin() as connection:
        drift_rows.set_requests(connection, reconciliation_id, requests + synced)
    restore_guard.note_alive(services)
    alerts = [finding for finding in told if finding.kind in ALERTS or (is_new_stop and finding.is_like_our_work)]
    alert = tell(services, reconciliation_id, alerts, proposals, stopped_because if is_new_stop else None)
    tell_over(services, expired, fine)
    log.info("reconciled", contacts=contacts, findings=len(findings), own_work=own_work, proposals=len(proposals))
    return Reconciliation(
        reconciliation_id,
        started_at,
        services.clock.now(),
        contacts,
        findings,
        told,
        proposals,
        expired,
        bool(synced),
        stopped_because,
        alert,
        requests + synced,
        synced,
    )


# Reading


def _follow_other_lists(services: ReadingMailjet) -> None:
    """Another list in a role is no drift of the one before, and what an interrupted first reading left out is none either: our
    rows follow before anything is compared."""
    with services.database.begin() as connection:
        before = five_lists.read_last(connection)
    if any(role not in before or before[role].list_id != services.list_ids[role] for role in ALL_LISTS):
        sync(services)


def _compare(services: ReadingMailjet, progress: Progress) -> tuple[tuple[Standing, ...], int]:
    for _ in range(_ATTEMPTS):
        started_at = services.clock.now()
        with services.database.begin() as connection:
            before = drift_rows.reading_token(connection)
        with services.database.session() as session:
            staging = SyncStaging(session)
            for role in ALL_LISTS:
                progress(f"reading the {role.label}")
                _read_list(services, staging, role)
            staging.add_contacts(_excluded(services))
            staging.finish_reading()
            _read_unknown(services, staging)
            nameless = [role for role in (None, *ALL_LISTS) if staging.is_nameless(role)]
            standings = drift_rows.compare(session, started_at, nameless)
            unreadable_rows.take_over(session, staging, services.clock.now())
            for role in set(ALL_LISTS) - set(nameless):
                end_nameless(session, services.list_ids[role], services.clock.now())
            contacts = drift_rows.contacts_read(session)
        with services.database.begin() as connection:
            if drift_rows.reading_token(connection) == before:
                return _with_cycle(services, _with_fates(services, standings)), contacts
        # Our rows or the lists went on meanwhile: what was read before would show as drift.
        log.info("lists were changed while they were compared; reading again")
    raise IncompleteDataError(
        "Comparing Mailjet's lists with our rows",
        "a maintenance or a sync kept changing them meanwhile",
        "Run the reconciliation again when it has ended",
    )


def _read_list(services: ReadingMailjet, staging: SyncStaging, role: ListRole) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        staging.forget_list(role)
        try:
            for page in services.mailjet.read_all_recipients(services.list_ids[role]):
                staging.add_recipients(role, page)
        except IncompleteDataError:
            if attempt == _ATTEMPTS:
                raise
            continue
        return


def _excluded(services: ReadingMailjet) -> list[ContactSeen]:
    """Everybody excluded from campaigns, as many as were counted: who is missing would pass for no longer excluded."""
    counted = services.mailjet.count_contacts(excluded=True)
    for _ in range(_ATTEMPTS):
        found = [contact for page in services.mailjet.contacts(excluded=True) for contact in page]
        if len(found) == counted:
            return found
        counted = services.mailjet.count_contacts(excluded=True)
        if len(found) == counted:
            return found
    raise IncompleteDataError(
        "Reading who is excluded from campaigns",
        f"{counted} were counted and {len(found)} read",
        "Nothing was concluded; run the reconciliation again",
    )


def _read_unknown(services: ReadingMailjet, staging: SyncStaging) -> None:
    """Addresses of contacts that we do not know: one of them may be a suppressed one under another id."""
    unknown = staging.unknown_contacts()
    if len(unknown) > _SINGLE_READS_MAX:
        for role in ALL_LISTS:
            if role is not ListRole.MASTER:
                for page in services.mailjet.contacts(list_id=services.list_ids[role]):
                    staging.add_contacts(page)
        return
    for contact_id in unknown:
        try:
            staging.add_contacts([services.mailjet.contact(contact_id)])
        except RemoteNotFoundError:
            log.warning("a contact stands in a list and does not exist", contact_id=contact_id)


def _with_fates(services: ReadingMailjet, standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Findings about contacts on no list, with their fate: erased, or taken off all lists. Only reading the contact tells."""
    asked = [standing.contact_id for standing in standings if standing.exists is None][:_SINGLE_READS_MAX]
    fates = {contact_id: _exists(services, contact_id) for contact_id in asked}
    return tuple(
        replace(standing, exists=fates[standing.contact_id]) if standing.contact_id in fates else standing
        for standing in standings
    )


def _with_cycle(services: ReadingMailjet, standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Standings of contacts on several lists, with those of the lists on which alone they get the open cycle once."""
    twice = [standing.contact_id for standing in standings if len(standing.listed) > 1]
    with services.database.begin() as connection:
        cycle = cycle_now(connection, services.clock.now())
        received = recipient_rows.received_in_cycle(connection, cycle.number, twice)
    if not twice or cycle.number is None or cycle.unrecorded:
        return tuple(standings)

    def fitting(one: Standing) -> frozenset[ListRole]:
        got = one.contact_id in received
        return frozenset(role for role in one.listed if cycle.gives_one_mail([role], received=got))

    return tuple(replace(one, one_mail_on=fitting(one)) if len(one.listed) > 1 else one for one in standings)


def _exists(services: ReadingMailjet, contact_id: int) -> bool:
    try:
        return not services.mailjet.contact(contact_id).is_anonymised
    except RemoteNotFoundError:
        return False


# Proposing and telling


def _propose(
    connection: Connection, findings: Sequence[Finding], automations: Automations, now: datetime
) -> tuple[tuple[tuple[int, str], ...], dict[Finding, int]]:
    """One plan a kind with the repairs that nobody proposed yet; returns the new plans, and the plan of each finding."""
    waiting = drift_rows.proposed(connection, (PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED))
    rejected = drift_rows.proposed(connection, (PlanStatus.REJECTED,))
    last_time = drift_rows.found_last_time(connection)
    plan_of: dict[Finding, int] = {}
    fresh: dict[DriftKind, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.repair is None:
            continue
        key = (finding.contact_id, finding.repair.rule)
        if key in waiting:
            plan_of[finding] = waiting[key]
        elif key in rejected and (finding.contact_id, finding.kind.value) in last_time:
            # A person said no to it, and nothing is different since.
            plan_of[finding] = rejected[key]
        else:
            fresh[finding.kind].append(finding)
    made = []
    for kind, members in fresh.items():
        plan_id, hashed = _save(connection, kind, members, automations, now)
        made.append((plan_id, hashed))
        plan_of |= dict.fromkeys(members, plan_id)
    return tuple(made), plan_of


def _save(
    connection: Connection, kind: DriftKind, members: Sequence[Finding], automations: Automations, now: datetime
) -> tuple[int, str]:
    items = [finding.repair for finding in members if finding.repair is not None]
    hashed = content_hash(None, PlanKind.REPAIR, None, POLICY_VERSION, items)
    ids = [item.contact_id for item in items]
    words = f"{count_text(len(items), 'contact')} {kind.words}: {ids_text(ids, _IDS_SHOWN)}; a repair is proposed"
    if entering := entering_words(automations.entering(item.to_role for item in items)):
        words += f". {entering.rstrip('.')}"
    plan = plan_rows.save_plan(
        connection,
        campaign_id=None,
        kind=PlanKind.REPAIR,
        sweep=None,
        content_hash=hashed,
        policy_version=POLICY_VERSION,
        status=PlanStatus.PENDING_REVIEW,
        summary=RepairSummary(kind, len(items)),
        items=items,
        now=now,
        requested_by="reconciliation",
        note=words,
    )
    plan_rows.add_review_item(
        connection,
        campaign_id=None,
        plan_id=plan.plan_id,
        kind=ReviewKind.PLAN,
        summary=words,
        details={"content_hash": hashed, "kind": kind.value, "contact_ids": ids},
        now=now,
    )
    return plan.plan_id, hashed


def _expire(connection: Connection, findings: Sequence[Finding], now: datetime) -> tuple[int, ...]:
    """Waiting proposals none of whose contacts needs the repair any more."""
    needed = {(finding.contact_id, finding.repair.rule) for finding in findings if finding.repair is not None}
    waiting = drift_rows.proposed(connection, (PlanStatus.PENDING_REVIEW,))
    over = sorted(set(waiting.values()) - {plan_id for key, plan_id in waiting.items() if key in needed})
    expired = []
    for plan_id in over:
        try:
            plan_rows.decide(connection, plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.EXPIRED, "nobody", now)
        except StateChangedError:
            # A person who decided at this moment was faster; that stands.
            continue
        review_rows.decide_about_plan(connection, plan_id, ReviewStatus.EXPIRED, "nobody", NOT_NEEDED, now)
        expired.append(plan_id)
    return tuple(expired)


def _tell_people(
    connection: Connection, findings: Sequence[Finding], with_plan: set[Finding], now: datetime
) -> tuple[Finding, ...]:
    """Notes for the review queue: one a kind, with the contacts that no open note of it names. Returns what is news."""
    items = drift_rows.open_drift_items(connection)
    seen: dict[str, set[int]] = defaultdict(set)
    last_time = drift_rows.found_last_time(connection)
    for item in items:
        seen[str(item["details"].get("kind"))] |= set(item["details"].get("contact_ids", ()))
    fresh: dict[DriftKind, list[Finding]] = defaultdict(list)
    for finding in findings:
        is_lasting = finding.kind in ALERTS and (finding.contact_id, finding.kind.value) in last_time
        if finding.is_told and finding.contact_id not in seen[finding.kind.value] and not is_lasting:
            fresh[finding.kind].append(finding)
    for kind, members in fresh.items():
        ids = sorted({finding.contact_id for finding in members})
        words = f"{count_text(len(ids), 'contact')} {kind.words}: {ids_text(ids, _IDS_SHOWN)}"
        if with_plan & set(members):
            words += "; the repair is a plan of its own"
        details: dict[str, Any] = {"kind": kind.value, "contact_ids": ids}
        if kind is DriftKind.MISSING_AT_MAILJET:
            details["places"] = [[one.contact_id, one.list_role.value] for one in members if one.list_role is not None]
        elif kind is DriftKind.EXCLUSION_DIFFERS:
            details["excluded"] = sorted(one.contact_id for one in members if one.is_excluded_now)
        drift_rows.add_drift_item(connection, words, details, now)
    return tuple(finding for members in fresh.values() for finding in members)


def _close_fine(connection: Connection, findings: Sequence[Finding], now: datetime) -> dict[int, str]:
    """Close the notes about broken rules none of whose contacts breaks them any more; number and words of each."""
    broken = {(finding.contact_id, finding.kind.value) for finding in findings}
    fine = {
        int(item["review_id"]): str(item["summary"])
        for item in drift_rows.open_drift_items(connection)
        if item["details"].get("kind") in ALERTS
        and not any((contact_id, item["details"]["kind"]) in broken for contact_id in item["details"]["contact_ids"])
    }
    drift_rows.close_drift_items(connection, list(fine), ReviewStatus.RESOLVED, "nobody", NO_LONGER_SO, now)
    return fine


def _close_asked_otherwise(services: Storing) -> None:
    """A note about contacts who left, or were excluded or suppressed, is one question too many where all of them belong to a
    mass change, about which people are asked."""
    now = services.clock.now()
    with services.database.begin() as connection:
        drift_rows.one_writer(connection)
        asked = [
            int(item["review_id"])
            for item in drift_rows.open_drift_items(connection)
            if item["details"].get("kind") in _NOTES
            and asked_as_mass_change(connection, item["details"].get("contact_ids", ()))
        ]
        drift_rows.close_drift_items(
            connection, asked, ReviewStatus.RESOLVED, "nobody", "people are asked about it as a mass change", now
        )


def _ask_about_stop(connection: Connection, because: str, findings: Sequence[Finding], now: datetime) -> bool:
    """Ask a person to accept, once. False: they were asked already."""
    if any(item["details"].get("kind") == "stopped" for item in drift_rows.open_drift_items(connection)):
        return False
    ids = sorted({finding.contact_id for finding in findings if finding.is_like_our_work})
    words = f"No list is changed: {because}. Accept with `list-pipeline reconcile --accept --by NAME`"
    drift_rows.add_drift_item(connection, words, {"kind": "stopped", "contact_ids": ids}, now)
    return True
