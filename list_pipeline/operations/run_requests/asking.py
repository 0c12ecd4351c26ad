"""Work that is asked for over HTTP: its row is written now, and a sensor starts the run. Asked for twice, it is one.

Does not belong here: asking for corrections (``corrections``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.run_requests import ANSWERS_KEPT, CLAIM_KEPT, RequestKind, request_hash
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.tokens import Principal
from list_pipeline.operations.access import Storing
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.runs.run import begin
from list_pipeline.operations.services import Services
from list_pipeline.operations.weekly import steps
from list_pipeline.storage import run_requests as rows
from list_pipeline.storage.run_requests import OpenRequest
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.weekly import check_of


class SwitchedOffError(RefusedError):
    """LIST_MANAGEMENT_ENABLED is off: nothing is started."""


class KeyReusedError(RefusedError):
    """An Idempotency-Key came with another request than before."""


def request_maintenance(services: Services, campaign: str, principal: Principal, key: str | None = None) -> int:
    """Ask for the maintenance of a campaign.

    Args:
        campaign: its key. key: the Idempotency-Key, where one was sent.

    Returns:
        The number of the ledger's row: of the attempt that is under way or over, or of a new one.

    Raises:
        SwitchedOffError: list management is switched off.
        KeyReusedError: the key stood with another request.
        NotFoundError: there is no such campaign, or it was not sent yet.
    """

    def ask() -> int:
        with services.database.begin() as connection:
            campaign_id = find_campaign(connection, campaign).campaign_id
            before = ledger.latest_log(connection, campaign_id, "24h")
        run = begin(services, campaign)
        is_begun = before is None or before.log_id != run.log.log_id or before.status is not RunStatus.RUNNING
        if run.log.status is RunStatus.RUNNING and is_begun:
            with services.database.begin() as connection:
                rows.ask_for(
                    connection,
                    RequestKind.MAINTENANCE,
                    campaign,
                    run.log.attempt,
                    run.log.log_id,
                    run.log.run_id,
                    principal.name,
                    services.clock.now(),
                )
        return run.log.log_id

    return once(services, RequestKind.MAINTENANCE, campaign, principal, key, ask)


def request_health_check(services: Services, principal: Principal, key: str | None = None) -> int:
    """Ask for the check of the latest week that is due.

    Returns:
        The number of its row: of the check that is under way or over, or of a new one.

    Raises:
        SwitchedOffError: list management is switched off.
        KeyReusedError: the key stood with another request.
    """

    def ask() -> int:
        with services.database.begin() as connection:
            before = check_of(connection, steps.latest_due(services).monday)
        run, now = steps.begin(services), services.clock.now()
        if run.row.status is RunStatus.RUNNING and (before is None or before.status is not RunStatus.RUNNING):
            with services.database.begin() as connection:
                rows.ask_for(
                    connection,
                    RequestKind.HEALTH_CHECK,
                    run.week.key,
                    run.row.attempt,
                    run.row.check_id,
                    run.row.run_id,
                    principal.name,
                    now,
                )
        return run.row.check_id

    return once(services, RequestKind.HEALTH_CHECK, "", principal, key, ask)


def once(
    services: Services, kind: RequestKind, asked: str, principal: Principal, key: str | None, ask: Callable[[], int]
) -> int:
    """Ask for something, or answer as before where the key stands with the same request.

    Args:
        asked: what tells this request from others of its kind. key: the Idempotency-Key; None: none was sent.

    Raises:
        SwitchedOffError: list management is switched off.
        KeyReusedError: the key stood with another request.
        RefusedError: the same request is being answered right now; or as ``ask``.
    """
    if not services.settings.list_management_enabled:
        raise SwitchedOffError(
            "Starting work", "list management is switched off", "Ask again once LIST_MANAGEMENT_ENABLED is on"
        )
    if key is None:
        return ask()
    hashed, now = request_hash(kind, asked), services.clock.now()
    with services.database.begin() as connection:
        is_ours = rows.claim_key(connection, principal.caller, key, hashed, now, now - ANSWERS_KEPT, now - CLAIM_KEPT)
        known = rows.answer_of(connection, principal.caller, key, now - ANSWERS_KEPT)
    if not is_ours and known is not None:
        return _as_before(known, hashed)
    try:
        number = ask()
    except BaseException:
        # What was refused may be asked for again, under the same key.
        with services.database.begin() as connection:
            rows.release_key(connection, principal.caller, key, hashed)
        raise
    with services.database.begin() as connection:
        rows.keep_answer(connection, principal.caller, key, hashed, str(number), now, now - ANSWERS_KEPT)
    return number


def _as_before(known: tuple[str, str], hashed: str) -> int:
    """The answer that stands under a key.

    Raises:
        KeyReusedError: it stands with another request.
        RefusedError: the same request is being answered right now.
    """
    tried = "Starting work"
    if known[0] != hashed:
        raise KeyReusedError(tried, "its Idempotency-Key came with another request before", "Send a key of its own")
    if not known[1]:
        raise RefusedError(
            tried, "the same request is being answered right now", "Send it again in a moment, with the same key"
        )
    return int(known[1])


def requests_to_start(services: Storing) -> Sequence[OpenRequest]:
    """Requests that no run has yet, oldest first. What is done by another run meanwhile is closed and not among them."""
    with services.database.begin() as connection:
        rows.close_taken_up(connection, services.clock.now())
        return rows.open_requests(connection)


def note_started(services: Storing, request_id: int) -> None:
    """A run has this request now."""
    with services.database.begin() as connection:
        rows.note_started(connection, request_id, services.clock.now())
