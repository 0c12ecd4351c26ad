"""Whether a correction is asked for by somebody who saw a plan that it is about.

A program that corrects on a person's word could name the wrong campaign or contact; the hash of a plan that was shown says
that it looked at this one. Does not belong here: decisions on plans that wait (``operations.reviews.decisions``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.reviews.decidable import is_as_shown
from list_pipeline.operations.access import Storing
from list_pipeline.storage.plans import content_hashes


def hashes_of(services: Storing, plan_ids: Collection[int]) -> Mapping[int, str]:
    """The content hashes of plans, by plan."""
    with services.database.begin() as connection:
        return content_hashes.hashes(connection, plan_ids)


def refuse_another_campaign(services: Storing, tried: str, content_hash: str, key: str, sweep: Sweep) -> None:
    """Refuse where no plan of this look at the campaign has the content hash (or begins with it).

    Raises:
        RefusedError: none has.
    """
    with services.database.begin() as connection:
        known = content_hashes.hashes_after(connection, key, sweep)
    _refuse_unless(tried, content_hash, known, "no plan of this look at the campaign", "Look at the campaign's plans")


def refuse_another_contact(services: Storing, tried: str, content_hash: str, contact_id: int) -> None:
    """Refuse where no plan about the contact has the content hash (or begins with it).

    Raises:
        RefusedError: none has.
    """
    with services.database.begin() as connection:
        known = content_hashes.hashes_about(connection, contact_id)
    _refuse_unless(tried, content_hash, known, "no plan about this contact", "Look at the contact's plans")


def _refuse_unless(tried: str, content_hash: str, known: Set[str], nobody: str, look: str) -> None:
    if not any(is_as_shown(one, content_hash) for one in known):
        raise RefusedError(tried, f"{nobody} has the content hash given", f"{look} again, and take the hash from there")
