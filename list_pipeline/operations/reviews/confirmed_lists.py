"""A person's decision that the five configured lists are the five lists."""

from __future__ import annotations

import structlog

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.five_lists.confirmation import LOOK
from list_pipeline.core.five_lists.message import confirmed_message
from list_pipeline.core.messages import keys
from list_pipeline.core.wording import instant_text, lists_text
from list_pipeline.operations.five_lists.look import LookedAt, look_at
from list_pipeline.operations.membership.sync import configured_lists
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import in_own_words, reviewer
from list_pipeline.operations.services import Services
from list_pipeline.storage import five_lists

log = structlog.get_logger(__name__)

_TRIED = "Confirming the five lists"


def confirm_lists(services: Services, *, by: str, note: str | None = None, despite: bool = False) -> LookedAt:
    """Confirm the five lists as they were read last: from here on they may be changed, until an id or a name changes.

    Args:
        by: who decides, for the record; a name, no address.
        despite: also where they do not look like what they are meant to be; the note says why.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RemoteNotFoundError: one of the lists does not exist.
        RefusedError: they are confirmed already, were not read under these ids and names yet, or look wrong.
        StateChangedError: somebody else confirmed at this moment.
    """
    by, note = (
        reviewer(services, by, "Confirming the five lists"),
        in_own_words(note) or None,
    )
    seen, now = configured_lists(services), services.clock.now()
    with services.database.begin() as connection:
        five_lists.one_writer(connection)
        found = look_at(services, connection)
        renamed = [role for role, one in found.facts.lists.items() if one.name != seen[role].name]
        if renamed:
            raise RefusedError(
                _TRIED,
                f"{lists_text(renamed)} was not read under its present id and name",
                f"Run `list-pipeline sync`, and look at the lists again with `{LOOK}`",
            )
        _refuse_confirmed(found)
        _refuse_implausible(found, note, despite)
        number = five_lists.save(
            connection,
            found.facts,
            by=by,
            note=note,
            despite=[verdict.rule for verdict in found.verdicts if not verdict.holds],
            replaces=found.confirmation.confirmation_id if found.confirmation else None,
            now=now,
        )
    log.info("the five lists are confirmed", by=by, is_plausible=found.is_plausible)
    deliver(
        services,
        keys.lists_confirmed(number),
        confirmed_message(found.facts, found.verdicts, by, note),
        important=not found.is_plausible,
    )
    return found


def _refuse_confirmed(found: LookedAt) -> None:
    if found.confirmation is not None and not found.changed:
        last = found.confirmation
        raise RefusedError(
            _TRIED,
            f"they are confirmed by {last.confirmed_by} since {instant_text(last.confirmed_at)}",
            "Nothing has to be done",
        )


def _refuse_implausible(found: LookedAt, note: str | None, despite: bool) -> None:
    if found.is_plausible:
        return
    wrong = " ".join(verdict.words for verdict in found.verdicts if not verdict.holds).rstrip(".")
    if not despite:
        raise RefusedError(
            _TRIED,
            f"they do not look like what they are meant to be: {wrong}",
            "Correct the five MAILJET_*_LIST_ID settings; if they are right all the same, confirm with --despite and a note",
        )
    if note is None:
        raise RefusedError(_TRIED, f"what looks wrong needs a reason: {wrong}", "Give a note that says why it is right")
