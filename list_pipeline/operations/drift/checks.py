"""The findings of the last reconciliation as rules, in words with figures."""

from __future__ import annotations

from collections.abc import Callable

from list_pipeline.core.drift.findings import ALERTS, DriftKind
from list_pipeline.core.drift.mass_change_message import change_text
from list_pipeline.core.drift.mass_changes import MassChangeStatus
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.wording import count_text, ids_text
from list_pipeline.operations.access import Storing
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.safety.restore_guard import why_stopped
from list_pipeline.operations.services import Services
from list_pipeline.storage import drift as drift_rows
from list_pipeline.storage import mass_changes

_SHOWN = 5


def rows_agree_with_mailjet(services: Storing) -> CheckResult:
    """Our rows and Mailjet's lists agree."""
    differing = _found(services, frozenset(DriftKind) - ALERTS)
    return _result(differing, "that differed; our rows follow Mailjet", "our rows and Mailjet agree", serious=False)


def lists_do_not_overlap(services: Storing) -> CheckResult:
    """Nobody stands in two campaign lists at Mailjet, unless a removal is under way."""
    return _result(
        _found(services, {DriftKind.IN_TWO_CAMPAIGN_LISTS}),
        "in two campaign lists",
        "nobody is in two lists",
    )


def suppressed_stay_out(services: Storing) -> CheckResult:
    """Nobody who is suppressed, under whatever contact id, stands in a campaign list or left the suppression list, and nobody
    who unsubscribed is subscribed on a campaign list."""
    return _result(
        _found(
            services,
            {DriftKind.SUPPRESSED_AND_LISTED, DriftKind.SUPPRESSION_UNDONE, DriftKind.UNSUBSCRIBED_AND_LISTED},
        ),
        "suppressed or unsubscribed, and in a campaign list or off the suppression list",
        "all suppressed and unsubscribed contacts are out of the campaign lists",
    )


def journal_knows_our_work(services: Storing) -> CheckResult:
    """Changes are not stopped for an absence, or for work at Mailjet that the journal does not know."""
    because = why_stopped(services)
    return CheckResult(because is None, f"changes are stopped: {because}" if because else "changes are not stopped")


def mass_changes_are_decided(services: Storing) -> CheckResult:
    """No list was changed at large by others without a person having decided on it."""
    with services.database.begin() as connection:
        found = [
            one.figures
            for one in mass_changes.mass_changes(connection, since=services.clock.now())
            if one.status is MassChangeStatus.OPEN
        ]
    words = "; ".join(map(change_text, found))
    return CheckResult(not found, f"nobody has decided: {words}" if found else "nobody changed a list at large", False)


RULES: tuple[Callable[[Services], CheckResult], ...] = (
    rows_agree_with_mailjet,
    lists_do_not_overlap,
    suppressed_stay_out,
    journal_knows_our_work,
    mass_changes_are_decided,
)


def _found(services: Storing, kinds: frozenset[DriftKind] | set[DriftKind]) -> list[int]:
    with services.database.begin() as connection:
        last = drift_rows.latest(connection)
        if last is None:
            raise NotFoundError(
                "Checking what the reconciliation found", "there was none", "Materialize list_reconciliation first"
            )
        findings = drift_rows.findings_of(connection, last["reconciliation_id"])
    return sorted({int(row["contact_id"]) for row in findings if row["kind"] in kinds})


def _result(contacts: list[int], words: str, else_words: str, *, serious: bool = True) -> CheckResult:
    if not contacts:
        return CheckResult(True, else_words, serious)
    return CheckResult(False, f"{count_text(len(contacts), 'contact')} {words}: {ids_text(contacts, _SHOWN)}", serious)
