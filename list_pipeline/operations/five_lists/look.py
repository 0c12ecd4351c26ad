"""The look at the five lists after each sync: what is confirmed goes on, what worked before counts as confirmed, and of
anything else people are told once. Nothing is asked of Mailjet: the sync has just read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.five_lists.confirmation import BEFORE, NamedList, differences, fingerprint
from list_pipeline.core.five_lists.message import waiting_message
from list_pipeline.core.five_lists.plausibility import FiveListsFacts, RuleVerdict, is_plausible, judge_lists
from list_pipeline.core.five_lists.policy import FIVE_LISTS
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages import keys
from list_pipeline.operations.access import Deciding, Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.safety.confirmed_lists import changed_since_confirmed, present_lists
from list_pipeline.storage import five_lists
from list_pipeline.storage.five_lists import Confirmation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """The five lists, judged.

    Attributes:
        changed: how they differ from the confirmed ones, a phrase each; empty when they are confirmed.
        unread: lists that no sync read under their present ids; what the facts say of them is about the lists before.
    """

    facts: FiveListsFacts
    verdicts: tuple[RuleVerdict, ...]
    confirmation: Confirmation | None
    changed: tuple[str, ...]
    unread: tuple[ListRole, ...]

    @property
    def is_plausible(self) -> bool:
        """Whether each list looks like what it is meant to be."""
        return is_plausible(self.verdicts)

    @property
    def fingerprint(self) -> str:
        """Differs with every id and name."""
        return fingerprint({role: NamedList(one.list_id, one.name) for role, one in self.facts.lists.items()})


def look_at(services: Deciding, connection: Connection) -> LookedAt:
    """The five lists as our rows have them, judged.

    Raises:
        ConfigurationError: the ids of the lists are not set.
    """
    present = present_lists(connection, services.settings.list_ids())
    facts = five_lists.facts(connection, present, services.clock.now() - FIVE_LISTS.recent)
    confirmed = five_lists.confirmation(connection)
    return LookedAt(
        facts,
        judge_lists(facts),
        confirmed,
        differences(confirmed.lists if confirmed else None, present),
        tuple(role for role, one in present.items() if one.name is None),
    )


def follow(services: Telling) -> None:
    """After a sync: let lists that worked before count as confirmed, else tell people, once, that they wait."""
    adopt(services)
    with services.database.begin() as connection:
        five_lists.learn_names(connection)
        if not changed_since_confirmed(connection, services.settings.list_ids()):
            return
        found = look_at(services, connection)
    log.info("the five lists wait for a person", changed=found.changed, is_plausible=found.is_plausible)
    last = found.confirmation.confirmation_id if found.confirmation else None
    deliver(
        services,
        keys.lists_wait(last, found.fingerprint),
        waiting_message(found.facts, found.verdicts, found.changed),
        important=True,
    )


def adopt(services: Deciding) -> bool:
    """Where an earlier version carried changes out on these lists, and they are plausible now, they count as confirmed.

    Returns:
        Whether they were confirmed so just now.
    """
    try:
        configured = services.settings.list_ids()
    except ConfigurationError:
        # A schema can be migrated without them; the next sync needs them.
        return False
    with services.database.begin() as connection:
        if five_lists.confirmation(connection) is not None or not five_lists.worked_with(connection, configured):
            return False
        five_lists.one_writer(connection)
        found = look_at(services, connection)
        if found.confirmation is not None or not found.is_plausible:
            return False
        now = services.clock.now()
        five_lists.save(connection, found.facts, by=BEFORE, note=None, despite=(), replaces=None, now=now)
    log.info("the five lists were worked with before, and count as confirmed")
    return True
