"""Which of our lists have automations at Mailjet: those that the settings name, and those whose members were seen to get mails
of one.

Belongs here: putting both together, and telling people of a list that nobody named. Does not belong here: what a plan may do
with such a list (``core.plans.automations``).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.wording import lists_text
from list_pipeline.operations.access import Deciding
from list_pipeline.storage.campaigns.automations import lists_of_workflows


def lists_with_automations(services: Deciding, connection: Connection) -> frozenset[ListRole]:
    """The lists to which nobody should be added without a person knowing that this may mail them.

    Raises:
        ConfigurationError: LISTS_WITH_AUTOMATIONS names a list that is none of the five.
    """
    settings, seen = services.settings, lists_seen_with_automations(services, connection)
    return settings.automated_lists() | (seen - settings.lists_without_automations())


def lists_seen_with_automations(services: Deciding, connection: Connection) -> frozenset[ListRole]:
    """The lists whose members were seen to get mails of an automation, whatever the settings say.

    Raises:
        ConfigurationError: the five list ids are not set.
    """
    list_ids = services.settings.list_ids()
    return frozenset(role for one in lists_of_workflows(connection) if (role := list_ids.role_of(one)) is not None)


def automations_now(services: Deciding, connection: Connection) -> Automations:
    """What a plan has to heed. Raises as ``lists_with_automations``."""
    return Automations(lists_with_automations(services, connection), services.settings.automations_may_start)


def newly_automated(services: Deciding, connection: Connection, before: Collection[ListRole]) -> str:
    """What people are told of lists that turned out to have automations and that LISTS_WITH_AUTOMATIONS does not name; empty
    for no news.

    Args:
        before: the lists of which it was known before this look.
    """
    news = sorted(lists_with_automations(services, connection) - set(before), key=list(ListRole).index)
    if not news:
        return ""
    names = lists_text(news)
    return (
        f"Members of {names} got mails of an automation at Mailjet, so being added may start it. Plans that add contacts there "
        "wait for a person from now on. LISTS_WITH_AUTOMATIONS takes it over, or says with a minus that it has none any more"
    )
