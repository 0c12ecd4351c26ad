"""The words about a mass change: the question in the review queue, and the messages to people. Counts only, no contact.

Belongs here: what is said. Does not belong here: what counts as a mass change (``mass_changes``).
"""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.drift.mass_changes import (
    KEEPS_FROM_REBALANCING,
    MASS_CHANGES,
    MassChangeFigures,
    MassChangeKind,
    MassChangeStatus,
)
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose
from list_pipeline.core.wording import count_text, names_text, share_percent_text

LOOK = "list-pipeline mass-changes"


def accept_command(matter: int) -> str:
    """The command by which a person says that a mass change was meant."""
    return f"{LOOK} --accept {matter} --by NAME --note WHY"


def repair_command(matter: int) -> str:
    """The command by which a person asks for those who were taken off to be put back."""
    return f"{LOOK} --repair {matter} --by NAME --note WHY"


def can_be_repaired(one: MassChangeFigures) -> bool:
    """Whether a plan can put it right: contacts were taken off a campaign list, and are still in the account."""
    return one.kind is MassChangeKind.LEFT and one.role in CAMPAIGN_LISTS


def change_text(one: MassChangeFigures) -> str:
    """What happened, with figures: ``196 of 983 contacts (19.94 %) were taken off List 2``."""
    name = _name(one.role)
    if one.kind is MassChangeKind.LIST_GONE:
        return f"{count_text(one.contacts, 'contact')} {one.kind.words} {name}"
    share = f" ({share_percent_text(one.contacts, one.size_before)})" if one.size_before else ""
    if one.kind is MassChangeKind.CAME:
        return f"{count_text(one.contacts, 'contact')} {one.kind.words} {name}, which had {one.size_before:,}{share}"
    return f"{one.contacts:,} of {count_text(one.size_before, 'contact')}{share} {one.kind.words} {name}"


def _name(role: ListRole) -> str:
    return role.label if role in CAMPAIGN_LISTS else f"the {role.label}"


def frozen_text(found: Sequence[MassChangeFigures]) -> str:
    """What is left alone until a person decides; empty where nothing is."""
    roles = [role for role in ListRole if role in KEEPS_FROM_REBALANCING & {one.role for one in found}]
    lists = [role.label for role in roles if role is not ListRole.MASTER]
    parts = []
    if lists:
        parts.append(f"nobody is moved from or to {names_text(lists)}")
    if ListRole.MASTER in roles:
        parts.append(f"nobody is enrolled out of the {ListRole.MASTER.label}")
    return ", and ".join(parts)


def question_text(matter: int, found: Sequence[MassChangeFigures]) -> str:
    """The question in the review queue."""
    if any(one.kind is MassChangeKind.LIST_GONE for one in found):
        return (
            f"Mass change {matter}: {'; '.join(map(change_text, found))}. Nothing is read, planned or changed until it is "
            "restored at Mailjet, or its MAILJET_*_LIST_ID setting names another list."
        )
    frozen = frozen_text(found)
    until = f" Until you decide, {frozen}." if frozen else ""
    repair = f" Put back who was taken off: `{repair_command(matter)}`." if any(map(can_be_repaired, found)) else ""
    return (
        f"Mass change {matter}: {'; '.join(map(change_text, found))}; it was not this product.{until} "
        f"It was meant: `{accept_command(matter)}`.{repair}"
    )


def mass_change_message(matter: int, found: Sequence[MassChangeFigures]) -> SlackMessage:
    """The alert that others changed much of a list within a day; once a matter."""
    frozen = frozen_text(found)
    gone = any(one.kind is MassChangeKind.LIST_GONE for one in found)
    what_happened = [compose("• {words}.", words=change_text(one)) for one in found]
    what_happened.append(
        compose("It was not this product. Until the list is back, nothing is read, planned or changed.")
        if gone
        else compose("It was not this product.")
    )
    if frozen and not gone:
        what_happened.append(compose("*Until you decide, {frozen}.* Suppressions go on.", frozen=frozen))
    names = names_text([_name(role) for role in ListRole if role in {one.role for one in found}])
    return alert(
        f"Mailjet No Longer Has {names}" if gone else f"Somebody Changed {names} at Large",
        what_happened,
        level=AlertLevel.CRITICAL if gone else AlertLevel.WARNING,
        what_to_do=_what_to_do(matter, found),
        small_print=[compose("Mass change {matter}", matter=str(matter)), *_limits(found)],
    )


def _what_to_do(matter: int, found: Sequence[MassChangeFigures]) -> list[Mrkdwn]:
    if any(one.kind is MassChangeKind.LIST_GONE for one in found):
        return [
            compose("It was a mistake: restore the list at Mailjet, and this ends by itself."),
            compose("There is another list instead: correct its MAILJET_*_LIST_ID setting."),
        ]
    lines = [compose("It was meant: `{command}`", command=accept_command(matter))]
    if any(map(can_be_repaired, found)):
        lines.append(
            compose(
                "Put back who was taken off: `{command}`. That makes a plan for approval; who unsubscribed, complained or is "
                "suppressed stays off.",
                command=repair_command(matter),
            )
        )
    lines.append(compose("Or take it back at Mailjet by hand: then this ends by itself."))
    return lines


def _limits(found: Sequence[MassChangeFigures]) -> list[Mrkdwn]:
    lines = (
        compose(
            "Ordinary on {name} within {hours} hours: up to {ordinary}, {usual}",
            name=_name(one.role),
            hours=f"{MASS_CHANGES.window.total_seconds() / 3600:.0f}",
            ordinary=f"{one.ordinary:,}",
            usual=f"since {one.usual:,} a day are usual" if one.usual else f"{MASS_CHANGES.percent} % of it",
        )
        for one in found
        if one.kind is not MassChangeKind.LIST_GONE
    )
    return [*dict.fromkeys(lines)]


def ended_message(
    matter: int, ended: Sequence[tuple[MassChangeFigures, MassChangeStatus]], by: str, note: str | None
) -> SlackMessage:
    """The news that nothing of a matter is open any more.

    Args:
        ended: what it was about, and what became of it. by: the person who decided, or "nobody".
    """
    statuses = {status for _, status in ended}
    if MassChangeStatus.ACCEPTED in statuses:
        title, lines = "✅ Mass change accepted", [compose("{by}: it was meant.", by=by)]
    elif MassChangeStatus.REPAIRED in statuses:
        title, lines = "✅ Mass change repaired", [compose("Who was taken off and may be mailed is back.")]
    else:
        title, lines = "✅ Mass change taken back", [compose("It was taken back at Mailjet.")]
    lines += [compose("• {words}.", words=change_text(one)) for one, _ in ended]
    if frozen_text([one for one, _ in ended]):
        lines.append(compose("The lists are rebalanced again, with the next maintenance."))
    if note and MassChangeStatus.ACCEPTED in statuses:
        lines.append(compose("Note: {note}", note=note))
    return alert(title, lines, small_print=[compose("Mass change {matter}", matter=str(matter))])


def repair_message(
    matter: int, plan_id: int, content_hash: str, contacts: int, left: int, entering: str = ""
) -> SlackMessage:
    """The news that a repair waits for approval.

    Args:
        left: contacts that must not or cannot be put back. entering: how many would enter automations, as a sentence.
    """
    lines = [compose("Plan {plan} puts {n} back.", plan=str(plan_id), n=count_text(contacts, "contact"))]
    if left:
        lines.append(
            compose(
                "{n} stay off: unsubscribed, excluded, complaining, suppressed or erased, on another list by now, or back "
                "already.",
                n=count_text(left, "contact"),
            )
        )
    if entering:
        lines.append(compose("{entering}", entering=entering))
    return alert(
        "Repair of a mass change waits for approval",
        lines,
        level=AlertLevel.WARNING,
        what_to_do=[
            compose("`list-pipeline approve {plan} {hash} --by NAME`", plan=str(plan_id), hash=content_hash[:12]),
            compose("`list-pipeline reject {plan} --by NAME`", plan=str(plan_id)),
        ],
        small_print=[compose("Mass change {matter}", matter=str(matter))],
    )
