"""Plan items as people may see them: contact id and a masked address, never the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.masking import mask_address
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.operations.access import Storing
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan


@dataclass(frozen=True, slots=True)
class ShownItem:
    """A plan item with the contact's masked address."""

    item: PlanItem
    masked: str


@dataclass(frozen=True, slots=True)
class ItemShown:
    """What a plan intends for one contact. ``contact``: the masked address, or ``erased``; ``waits``: for a person, whatever
    becomes of the rest."""

    contact_id: int
    contact: str
    action: ItemAction
    rule: str
    from_list: str | None
    to_list: str | None
    confidence: float | None
    waits: bool
    why: str


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """A page of the items of a plan, by contact id. ``next_after``: ``after`` of the next page; None: this is the last."""

    items: tuple[ItemShown, ...]
    in_all: int
    next_after: int | None


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
        return _shown(connection, plan_rows.plan_items(connection, plan.plan_id))


def items_page(services: Storing, plan: StoredPlan, *, after: int, limit: int) -> ItemsPage:
    """A page of the items of a plan, without the first ``after`` of them. No other items and addresses are read."""
    with services.database.begin() as connection:
        in_all = plan_rows.count_items(connection, plan.plan_id)
        items = _shown(connection, plan_rows.page_of_items(connection, plan.plan_id, after=after, limit=limit))
    end = after + limit
    return ItemsPage(tuple(map(_read_model, items)), in_all, end if end < in_all else None)


def _read_model(one: ShownItem) -> ItemShown:
    item = one.item
    return ItemShown(
        contact_id=item.contact_id,
        contact=one.masked,
        action=item.action,
        rule=item.rule,
        from_list=item.from_role.value if item.from_role else None,
        to_list=item.to_role.value if item.to_role else None,
        confidence=item.confidence,
        waits=item.is_held,
        why=item.explanation,
    )


def _shown(connection: Connection, items: Sequence[PlanItem]) -> list[ShownItem]:
    addresses = members.addresses_of(connection, [item.contact_id for item in items])
    return [
        ShownItem(item, mask_address(addresses[item.contact_id]) if item.contact_id in addresses else "erased")
        for item in items
    ]
