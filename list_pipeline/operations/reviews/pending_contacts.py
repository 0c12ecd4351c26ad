"""Contacts that wait for a person's decision. A send to a list, or its validation, asks here first."""

from __future__ import annotations

from list_pipeline.operations.services import Services
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.reviews import WaitingContact


def contacts_waiting(services: Services) -> tuple[WaitingContact, ...]:
    """Contacts of plans that wait and of open or approved questions, nothing of which was begun; by plan and contact.

    They are named by id. Until somebody decides, Mailjet's lists hold them as before: mailing them may be a mistake.
    """
    with services.database.begin() as connection:
        return review_rows.contacts_waiting(connection)
