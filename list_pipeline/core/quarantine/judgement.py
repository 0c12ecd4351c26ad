"""Who is kept from mail after a campaign, and until when.

The question about an incident or a disputed first hit is answered by a mailing at least a week later. Until then every mail
costs reputation and answers nothing; then the contact has to be mailed, or it is never answered. So a quarantine ends right
before the first day on which a mailing counts.

Belongs here: these two answers, as pure functions. Does not belong here: whether it needs a person (``gate``), and the
contacts that must stay as they are (``core.drift.repairs``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.quarantine.life import QuarantineReason
from list_pipeline.core.quarantine.policy import QuarantinePolicy
from list_pipeline.core.suppression.verdicts import SuppressionRule
from list_pipeline.core.wording import instant_text


def end_after(sent_at: datetime, policy: QuarantinePolicy) -> datetime:
    """When the contacts of a campaign are mailed again (UTC).

    Args:
        sent_at: the start of sending (UTC). Distances between failures are counted in UTC dates of the sends, and so is this.
    """
    day = (sent_at.astimezone(UTC) + timedelta(days=policy.days)).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(hours=policy.release_hours_before)


def is_worth_it(now: datetime, ends_at: datetime, policy: QuarantinePolicy) -> bool:
    """Whether a quarantine that would begin now (UTC) lasts long enough to protect from anything."""
    return now + timedelta(hours=policy.least_hours) <= ends_at


def reason_for(item: PlanItem) -> QuarantineReason | None:
    """Why the contact of an item of a suppression plan could be kept from mail; None: there is no reason."""
    if item.action is ItemAction.SUPPRESS and item.is_held:
        return QuarantineReason.INCIDENT
    if item.action is ItemAction.MONITOR and item.rule == SuppressionRule.FIRST_DISPUTED_HIT.value:
        return QuarantineReason.DISPUTED_FIRST_HIT
    if item.action is ItemAction.MONITOR and item.rule == SuppressionRule.TESTED_FIRST.value:
        return QuarantineReason.TESTED_SAMPLE
    return None


def wanted(
    items: Iterable[PlanItem], reasons: Collection[QuarantineReason], besides: Collection[int] = ()
) -> dict[int, QuarantineReason]:
    """The contacts of a suppression plan that are to be kept from mail, with the reason.

    Args:
        items: of the suppression plan.
        reasons: those that are switched on.
        besides: contacts that are in quarantine, or were after the same campaign: nobody is put there twice for one failure.
    """
    found = ((item.contact_id, reason_for(item)) for item in items if item.contact_id not in besides)
    return {contact_id: reason for contact_id, reason in found if reason is not None and reason in reasons}


def quarantine_items(wanted_for: Mapping[int, QuarantineReason], ends_at: datetime) -> tuple[PlanItem, ...]:
    """The items of a quarantine's plan, by contact id."""
    return tuple(
        PlanItem(
            contact_id,
            ItemAction.QUARANTINE,
            rule=reason.value,
            reason=reason.value,
            explanation=f"Kept from mail until {instant_text(ends_at)}, on its list.",
        )
        for contact_id, reason in sorted(wanted_for.items())
    )
