"""Plan items as people may see them: contact id and a masked address, never the address."""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.masking import mask_address
from list_pipeline.core.plans.plan import PlanItem
from list_pipeline.operations.access import Storing
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan


@dataclass(frozen=True, slots=True)
class ShownItem:
    """A plan item with the contact's masked address."""

    item: PlanItem
    masked: str


def masked_address(services: Storing, contact_id: int) -> str | None:
    """The masked address of a contact; None for one that is erased or not known. Read each time: no cache holds it."""
    with services.database.begin() as connection:
        found = members.addresses_of(connection, [contact_id]).get(contact_id)
    return None if found is None else mask_address(found)


def existing_plan(services: Storing, plan_id: int) -> StoredPlan:
    """A plan as it is stored.

    Raises:
        NotFoundError: there is none.
    """
    with services.database.begin() as connection:
        found = plan_rows.plan_by_id(connection, plan_id)
    if found is None:
        raise NotFoundError(f"Reading plan {plan_id}", "there is no such plan", "The list of plans has their numbers")
    return found


def shown_items(services: Storing, plan: StoredPlan) -> list[ShownItem]:
    """The items of a plan, by contact id."""
    with services.database.begin() as connection:
        items = plan_rows.plan_items(connection, plan.plan_id)
        addresses = members.addresses_of(connection, [item.contact_id for item in items])
    return [
        ShownItem(item, mask_address(addresses[item.contact_id]) if item.contact_id in addresses else "erased")
        for item in items
    ]
