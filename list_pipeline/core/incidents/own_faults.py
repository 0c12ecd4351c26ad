"""Hard bounces that are our own fault: an operator refuses us, and Mailjet takes it for unknown users.

Belongs here: whose words are read to find that out, and who is held because of what they say. Does not belong here: what a text
means (``core.bounces``).

Mailjet has called refusals by a block list an unknown user, with the permanence flag. A sample of each operator's words tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from list_pipeline.core.bounces.classes import SENDER_CLASSES, BounceClass, DecidedBy, FailureEvent, classify
from list_pipeline.core.incidents.contacts import Incident, IncidentCause
from list_pipeline.core.incidents.groups import POOL, Group, GroupKind, domain_group, operator_group
from list_pipeline.core.incidents.operators import Operators


def spread(events: Iterable[FailureEvent], domain_of: Mapping[int, str], operators: Operators) -> list[FailureEvent]:
    """The undisputed hard bounces, one of each group in turn, so that the first of them are spread over the operators
    and then over custom domains; the latest of a group first. Those of unknown domains come last."""
    groups: dict[Group | None, list[FailureEvent]] = {}
    for event in sorted(events, key=lambda one: (-one.occurred_at.timestamp(), one.contact_id)):
        if event.is_permanent_hard and not event.is_contradictory:
            domain = domain_of.get(event.contact_id)
            groups.setdefault(None if domain is None else _group(domain, operators), []).append(event)
    ordered = [
        ((group is None, place, group is not None and group.kind is GroupKind.DOMAIN, group.name if group else ""), one)
        for group, members in groups.items()
        for place, one in enumerate(members)
    ]
    return [one for _, one in sorted(ordered, key=lambda pair: pair[0])]


def own_faults(
    events: Sequence[FailureEvent], domain_of: Mapping[int, str], operators: Operators, as_of: datetime
) -> tuple[Incident, ...]:
    """The groups whose refusals, as far as they were read, mostly refuse us; with the contacts whose words were not read.

    A custom domain whose operator is not known speaks for itself alone.

    Args:
        events: the campaign's failures.
        domain_of: contact id to receiving domain.
        operators: who runs the mail of a domain, as far as is known.
        as_of: failures that happened later are not known yet.
    """
    read: dict[Group, list[bool]] = {}
    unread: dict[Group, list[int]] = {}
    for event in events:
        domain = domain_of.get(event.contact_id)
        if domain is None or event.occurred_at > as_of or not _was_called_hard(event):
            continue
        group = _group(domain, operators)
        if event.server_words:
            read.setdefault(group, []).append(event.bounce_class in SENDER_CLASSES)
        elif event.bounce_class is BounceClass.HARD:
            unread.setdefault(group, []).append(event.contact_id)
    return tuple(
        Incident(group, len(read[group]), sum(read[group]), 0.0, tuple(sorted(ids)), IncidentCause.SENDER)
        for group, ids in sorted(unread.items())
        if group in read and 2 * sum(read[group]) > len(read[group])
    )


def _was_called_hard(event: FailureEvent) -> bool:
    """Whether Mailjet called it a hard bounce without doubt, whatever the receiver's words made of it."""
    if event.classification.decided_by is not DecidedBy.RECEIVERS_WORDS:
        return event.bounce_class is BounceClass.HARD and not event.classification.is_disputed
    said = classify(event.state_id, event.is_permanent, event.status)
    return said.bounce_class is BounceClass.HARD and not said.is_disputed


def _group(domain: str, operators: Operators) -> Group:
    group = operator_group(domain, operators)
    return domain_group(domain) if group == POOL else group
