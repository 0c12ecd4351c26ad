"""Corrections that are asked for over HTTP: what can be said at once is said at once, and a run carries the rest out.

A correction talks with Mailjet for seconds or minutes, which no caller should wait for, and which should hold no worker of a
service. So asking looks at what our rows say and writes the request down; a run does what the command does.

Does not belong here: carrying them out (``carrying_out``), and starting the run (``defs``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.run_requests import MOST_CONTACTS, RequestKind
from list_pipeline.core.tokens import Principal
from list_pipeline.core.wording import count_text
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.people import in_own_words, reason_of, reviewer
from list_pipeline.operations.plans.corrections import require_permission
from list_pipeline.operations.plans.redo import undone_campaign
from list_pipeline.operations.plans.single_contacts import reinstatement
from list_pipeline.operations.plans.undo import maintained
from list_pipeline.operations.run_requests.asking import once
from list_pipeline.operations.services import Services
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage import run_requests as rows
from list_pipeline.storage.run_requests import WantedCorrection

log = structlog.get_logger(__name__)


def request_undo(
    services: Services,
    key: str,
    principal: Principal,
    *,
    note: str = "",
    sweep: Sweep = Sweep.H24,
    despite_complaint: bool = False,
    idempotency_key: str | None = None,
) -> int:
    """Ask that a campaign's maintenance is taken back, as ``undo_maintenance`` does it.

    Returns:
        The number of the request.

    Raises:
        NotFoundError: there is no such campaign, or nothing was ever done after it.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: lists may not be changed now, or the Idempotency-Key stood with another request.
    """
    wanted = WantedCorrection(
        RequestKind.UNDO, key, sweep, note=in_own_words(note), despite_complaint=despite_complaint
    )

    def check() -> None:
        with services.database.begin() as connection:
            campaign = find_campaign(connection, key)
        maintained(services, campaign, sweep)

    return _ask(services, wanted, principal, idempotency_key, f"Undoing the maintenance of {key}", check)


def request_redo(
    services: Services,
    key: str,
    principal: Principal,
    *,
    note: str = "",
    sweep: Sweep = Sweep.H24,
    idempotency_key: str | None = None,
) -> int:
    """Ask that the undo of a campaign's maintenance is taken back, as ``redo_maintenance`` does it.

    Returns:
        The number of the request.

    Raises:
        NotFoundError: there is no such campaign, or its maintenance was not undone.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: lists may not be changed now, or the Idempotency-Key stood with another request.
    """
    wanted = WantedCorrection(RequestKind.REDO, key, sweep, note=in_own_words(note))
    return _ask(
        services,
        wanted,
        principal,
        idempotency_key,
        f"Taking back the undo of {key}",
        lambda: undone_campaign(services, key, sweep),
    )


def request_reinstatement(
    services: Services,
    contact_id: int,
    principal: Principal,
    *,
    note: str = "",
    despite_complaint: bool = False,
    idempotency_key: str | None = None,
) -> int:
    """Ask that the suppression of one contact is taken back, as ``reinstate`` does it.

    Returns:
        The number of the request.

    Raises:
        NotFoundError: we did not suppress this contact.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it complained or unsubscribed, or lists may not be changed now; or the Idempotency-Key stood with another
            request.
    """
    tried = f"Reinstating contact {contact_id}"
    wanted = WantedCorrection(
        RequestKind.REINSTATE,
        contact_ids=(contact_id,),
        note=in_own_words(note),
        despite_complaint=despite_complaint,
    )

    def check() -> None:
        with services.database.begin() as connection:
            found = reinstatement(services, connection, contact_id, despite_complaint)
        if found.refused is not None:
            raise RefusedError(tried, found.refused.words, "Look at the contact in Mailjet")

    return _ask(services, wanted, principal, idempotency_key, tried, check)


def request_release(
    services: Services, contact_id: int, principal: Principal, *, note: str = "", idempotency_key: str | None = None
) -> int:
    """Ask that the quarantine of one contact ends, as ``release_by_hand`` does it.

    Returns:
        The number of the request.

    Raises:
        NotFoundError: it is not in quarantine.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: lists may not be changed now, or the Idempotency-Key stood with another request.
    """
    tried = f"Ending the quarantine of contact {contact_id}"
    wanted = WantedCorrection(RequestKind.RELEASE, contact_ids=(contact_id,), note=in_own_words(note))

    def check() -> None:
        with services.database.begin() as connection:
            quarantine_rows.follow(connection, services.clock.now())
            active = quarantine_rows.active_among(connection, [contact_id])
        if not active:
            raise NotFoundError(tried, "it is not in quarantine", "`list-pipeline quarantined` lists who is")

    return _ask(services, wanted, principal, idempotency_key, tried, check)


def request_suppression(
    services: Services,
    contact_ids: Sequence[int],
    principal: Principal,
    *,
    reason: str,
    idempotency_key: str | None = None,
) -> int:
    """Ask that contacts are suppressed as a plan with a gate, as ``suppress_listed`` does it with those of a file.

    Returns:
        The number of the request.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: nobody or too many are named, or no reason; lists may not be changed now; or the Idempotency-Key stood
            with another request.
    """
    wanted_ids = tuple(sorted(set(contact_ids)))
    tried = f"Suppressing {count_text(len(wanted_ids), 'contact')}"
    if not 1 <= len(wanted_ids) <= MOST_CONTACTS:
        raise RefusedError(tried, f"between 1 and {MOST_CONTACTS:,} can be", "Use `list-pipeline suppress --file`")
    wanted = WantedCorrection(
        RequestKind.SUPPRESS,
        contact_ids=wanted_ids,
        note=reason_of(reason, tried, next_step="Say why: somebody will ask"),
    )
    return _ask(services, wanted, principal, idempotency_key, tried, lambda: None)


def _ask(
    services: Services,
    wanted: WantedCorrection,
    principal: Principal,
    key: str | None,
    tried: str,
    check: Callable[[], object],
) -> int:
    by = reviewer(services, principal.name, tried)

    def ask() -> int:
        require_permission(services, tried)
        check()
        with services.database.begin() as connection:
            number = rows.ask_for_correction(connection, wanted, by, services.clock.now())
        log.info("a correction is asked for", request=number, kind=wanted.kind.value, by=by)
        return number

    about = f"{wanted.campaign} {wanted.sweep} {wanted.contact_ids} {wanted.despite_complaint} {wanted.note}"
    return once(services, wanted.kind, about, principal, key, ask)
