"""Plan items as people may see them: contact id and a masked address, never the address."""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.masking import mask_address
from list_pipeline.core.plans import PlanItem
from list_pipeline.operations.services import Services
from list_pipeline.storage import membership, plans
from list_pipeline.storage.plans import StoredPlan


@dataclass(frozen=True, slots=True)
class ShownItem:
    """A plan item with the contact's masked address."""

    item: PlanItem
    masked: str


def shown_items(services: Services, plan: StoredPlan) -> list[ShownItem]:
    """The items of a plan, by contact id."""
    with services.database.begin() as connection:
        items = plans.plan_items(connection, plan.plan_id)
        addresses = membership.addresses_of(connection, [item.contact_id for item in items])
    return [
        ShownItem(item, mask_address(addresses[item.contact_id]) if item.contact_id in addresses else "erased")
        for item in items
    ]
