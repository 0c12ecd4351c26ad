"""New audiences for tests: people who sign up to the master list, and a plan that divides them."""

from __future__ import annotations

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.operations.audience.splitting import Split, Wanted, look_first, split
from list_pipeline.operations.plans.corrections import Correction, carry_out_correction
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import Installation, quietly

WAITING_BEFORE = (60, 61)
"""People of the small account who are new already."""


def sign_up(made: Installation, count: int) -> list[int]:
    """So many people sign up to the master list one after the other; their ids, the oldest first."""
    found = []
    for number in range(count):
        made.clock.sleep(60)
        found.append(made.control.sign_up(f"audience-{number}@example.org", made.account.lists.master))
    return found


def plan(made: Installation, wanted: Wanted = Wanted(), services: Services | None = None) -> Split:
    """A person looks, and asks for a division."""
    services = services or made.services
    look_first(services)
    return split(services, wanted, by="ada", note="the fair in Lyon")


def let_through(made: Installation, one: Split, services: Services | None = None) -> Correction:
    """Another person approves it, and it is carried out."""
    services = services or made.services
    assert approve(services, one.plan_id, by="bob", content_hash=one.content_hash).status is PlanStatus.APPROVED
    return carry_out_correction(services, one.plan_id, quietly)


def batches(made: Installation, plan_id: int) -> list[tuple[object, ...]]:
    """The ranges as they are stored: list, first and last place, how many were planned and enrolled."""
    return made.query(
        "select list_role, first_place, last_place, planned, enrolled from audience_batch where plan_id = :plan"
        " order by number",
        plan=plan_id,
    )


def on_lists(made: Installation, *contact_ids: int) -> list[set[ListRole]]:
    """The lists that each contact is on, but for the master list."""
    return [made.places(contact_id) - {ListRole.MASTER} for contact_id in contact_ids]
