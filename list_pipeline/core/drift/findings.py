"""Drift: what our rows say of a contact against what Mailjet shows, as findings with words and a proposed repair.

Belongs here: classifying differences and broken rules, and deciding which repair is proposed. Does not belong here: how
both sides are read, and comparing addresses (``storage.drift``); the message to people (``core.drift.message``). The
two sources of bounces are compared elsewhere (``core.bounces.sources``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.drift.mass_changes import MassChangeKind
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import BY_HAND, ItemAction, PlanItem
from list_pipeline.core.wording import lists_text

POLICY_VERSION = "reconciliation-1"
"""Version of these rules, stored with every proposed repair."""


class DriftKind(StrEnum):
    """In which way Mailjet and our rows differ, or which rule Mailjet's lists break."""

    MISSING_AT_MAILJET = "missing_at_mailjet"
    UNKNOWN_TO_US = "unknown_to_us"
    UNSUBSCRIBED_DIFFERS = "unsubscribed_differs"
    EXCLUSION_DIFFERS = "exclusion_differs"
    IN_TWO_CAMPAIGN_LISTS = "in_two_campaign_lists"
    SUPPRESSED_AND_LISTED = "suppressed_and_listed"
    SUPPRESSION_UNDONE = "suppression_undone"
    SUPPRESSED_BY_OTHERS = "suppressed_by_others"
    UNSUBSCRIBED_AND_LISTED = "unsubscribed_and_listed"

    @property
    def words(self) -> str:
        """The kind for people."""
        return _WORDS[self]

    @property
    def is_alert(self) -> bool:
        """A rule of the lists is broken: people are told at once, and a repair is proposed."""
        return self in ALERTS


_WORDS = {
    DriftKind.MISSING_AT_MAILJET: "left a list at Mailjet",
    DriftKind.UNKNOWN_TO_US: "came onto a list at Mailjet",
    DriftKind.UNSUBSCRIBED_DIFFERS: "unsubscribed or subscribed again",
    DriftKind.EXCLUSION_DIFFERS: "excluded from campaigns, or no longer",
    DriftKind.IN_TWO_CAMPAIGN_LISTS: "in two campaign lists",
    DriftKind.SUPPRESSED_AND_LISTED: "suppressed and still in a campaign list",
    DriftKind.SUPPRESSION_UNDONE: "taken off the suppression list by somebody else",
    DriftKind.SUPPRESSED_BY_OTHERS: "put on the suppression list by somebody else",
    DriftKind.UNSUBSCRIBED_AND_LISTED: "unsubscribed and subscribed on a campaign list",
}

ALERTS = frozenset(
    {
        DriftKind.IN_TWO_CAMPAIGN_LISTS,
        DriftKind.SUPPRESSED_AND_LISTED,
        DriftKind.SUPPRESSION_UNDONE,
        DriftKind.UNSUBSCRIBED_AND_LISTED,
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One contact on both sides.

    Attributes:
        is_known: we have a row of the contact.
        ours, theirs: the lists it is on in our rows, and at Mailjet.
        unsubscribed_ours, unsubscribed_theirs: those of them on which it is unsubscribed.
        open_removals: lists that an open step of our journal takes it off.
        is_under_way: our journal has open steps for it.
        is_stopped: it has, and nobody carries them out right now.
        confirmed_adds: lists that our journal says it was put on.
        was_suppressed: our history says that it was suppressed, and not that it was reinstated.
        suppressed_as: another contact id under which the same address, case-folded, is suppressed.
        has_unsubscribed: an unsubscription of it was seen anywhere, ever, under whatever contact id, and not taken back by a
            person or on the same entry.
        last_added_to: the campaign list that our journal put it on last.
        first_on: of the campaign lists it is on at Mailjet, the one that it was on first.
        one_mail_on: the campaign lists on each of which alone it gets the open cycle once; empty where that is not known.
        exists: whether Mailjet still has the contact; None when nobody looked.
    """

    contact_id: int
    ours: frozenset[ListRole]
    theirs: frozenset[ListRole]
    is_known: bool = True
    unsubscribed_ours: frozenset[ListRole] = frozenset()
    unsubscribed_theirs: frozenset[ListRole] = frozenset()
    excluded_ours: bool = False
    excluded_theirs: bool = False
    open_removals: frozenset[ListRole] = frozenset()
    is_under_way: bool = False
    is_stopped: bool = False
    confirmed_adds: frozenset[ListRole] = frozenset()
    was_suppressed: bool = False
    suppressed_as: int | None = None
    has_unsubscribed: bool = False
    last_added_to: ListRole | None = None
    first_on: ListRole | None = None
    one_mail_on: frozenset[ListRole] = frozenset()
    exists: bool | None = True

    @property
    def listed(self) -> tuple[ListRole, ...]:
        """The campaign lists it is on at Mailjet, those left out that an open step takes it off."""
        return tuple(role for role in CAMPAIGN_LISTS if role in self.theirs and role not in self.open_removals)

    @property
    def mailable_on(self) -> tuple[ListRole, ...]:
        """Those of them a send to which reaches it."""
        return tuple(role for role in self.listed if role not in self.unsubscribed_theirs and not self.excluded_theirs)


@dataclass(frozen=True, slots=True)
class RepairSummary:
    """What a repair is about, as it is stored with its plan: the kind of drift or of mass change, and how many contacts."""

    kind: DriftKind | MassChangeKind
    contacts: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference or broken rule. ``ours`` and ``theirs`` are words; ``repair`` is what is proposed, or None.

    ``is_erased``: the contact is gone at Mailjet, by a person's right to erasure. ``is_excluded_now``: where exclusion differs,
    Mailjet has the contact excluded.
    """

    contact_id: int
    kind: DriftKind
    list_role: ListRole | None
    ours: str
    theirs: str
    explanation: str
    repair: PlanItem | None = None
    is_like_our_work: bool = False
    is_erased: bool = False
    is_excluded_now: bool = False

    @property
    def is_told(self) -> bool:
        """Whether people are told in the review queue; the rest is ordinary life, kept in the findings only."""
        if self.kind is DriftKind.MISSING_AT_MAILJET:
            return self.list_role is not ListRole.MASTER and not self.is_erased
        return self.kind not in (DriftKind.UNKNOWN_TO_US, DriftKind.UNSUBSCRIBED_DIFFERS)


def find(standing: Standing) -> tuple[Finding, ...]:
    """Everything that is odd about one contact, differences first."""
    differences = () if standing.is_under_way else (*_places(standing), *_flags(standing))
    return (*differences, *_broken_rules(standing))


def differs(standing: Standing) -> bool:
    """Whether our rows have to follow Mailjet; a broken rule alone may stand in both."""
    return not standing.is_under_way and (
        standing.ours != standing.theirs
        or standing.unsubscribed_ours != standing.unsubscribed_theirs
        or standing.excluded_ours != standing.excluded_theirs
    )


def looks_like_our_work(standing: Standing) -> bool:
    """Whether the differences are what this product does to a contact, without its journal knowing of it.

    Suppressed, excluded and taken off a campaign list, moved from one campaign list to another, enrolled, or taken back
    off the suppression list. Sign-ups to master, unsubscribes and erased contacts are ordinary life and are not.
    """
    if standing.is_under_way or standing.exists is False:
        return False
    came = standing.theirs - standing.ours - standing.confirmed_adds
    came_listed, left_listed = came & set(CAMPAIGN_LISTS), (standing.ours - standing.theirs) & set(CAMPAIGN_LISTS)
    is_suppressed = ListRole.SUPPRESSION in came
    is_taken_out = standing.excluded_theirs and not standing.excluded_ours and bool(left_listed)
    is_moved = bool(came_listed and left_listed)
    is_enrolled = standing.is_known and bool(came_listed) and not standing.ours & set(CAMPAIGN_LISTS)
    is_reinstated = ListRole.SUPPRESSION in standing.ours and ListRole.SUPPRESSION not in standing.theirs
    return is_suppressed or is_taken_out or is_moved or is_enrolled or is_reinstated


def _places(standing: Standing) -> Iterable[Finding]:
    is_ours = looks_like_our_work(standing)
    for role in ListRole:
        is_told_as_undone = role is ListRole.SUPPRESSION and standing.was_suppressed and standing.exists
        if role in standing.ours and role not in standing.theirs and not is_told_as_undone:
            gone = "The contact was erased." if standing.exists is False else "Taken off by somebody else."
            yield Finding(
                standing.contact_id,
                DriftKind.MISSING_AT_MAILJET,
                role,
                f"on the {role.label}",
                f"not on the {role.label}",
                f"{gone} Our rows follow Mailjet.",
                is_like_our_work=is_ours,
                is_erased=standing.exists is False,
            )
        elif role in standing.theirs and role not in standing.ours:
            by_others = role is ListRole.SUPPRESSION and role not in standing.confirmed_adds
            yield Finding(
                standing.contact_id,
                DriftKind.SUPPRESSED_BY_OTHERS if by_others else DriftKind.UNKNOWN_TO_US,
                role,
                f"not on the {role.label}",
                f"on the {role.label}",
                "Somebody else suppressed the contact; it stays suppressed, and our rows follow Mailjet."
                if by_others
                else "Came since our last look; our rows follow Mailjet.",
                is_like_our_work=is_ours,
            )


def _flags(standing: Standing) -> Iterable[Finding]:
    is_ours = looks_like_our_work(standing)
    for role in sorted(standing.ours & standing.theirs, key=list(ListRole).index):
        ours, theirs = role in standing.unsubscribed_ours, role in standing.unsubscribed_theirs
        if ours != theirs:
            yield Finding(
                standing.contact_id,
                DriftKind.UNSUBSCRIBED_DIFFERS,
                role,
                _subscribed(ours),
                _subscribed(theirs),
                f"The contact's own decision on the {role.label}; our rows follow Mailjet.",
            )
    if standing.excluded_ours != standing.excluded_theirs and standing.exists is not False:
        yield Finding(
            standing.contact_id,
            DriftKind.EXCLUSION_DIFFERS,
            None,
            _excluded(standing.excluded_ours),
            _excluded(standing.excluded_theirs),
            "Changed at Mailjet by somebody else; our rows follow Mailjet.",
            is_like_our_work=is_ours,
            is_excluded_now=standing.excluded_theirs,
        )


def _broken_rules(standing: Standing) -> Iterable[Finding]:
    suppressed = _suppressed(standing)
    if suppressed is not None:
        yield suppressed
    unsubscribed = _unsubscribed(standing) if suppressed is None else None
    if unsubscribed is not None:
        yield unsubscribed
    if (
        standing.is_stopped
        and len(twice := standing.theirs & set(CAMPAIGN_LISTS)) > 1
        and standing.open_removals & twice
    ):
        # Proposed is nothing: a repair beside the open step could take the contact off both.
        yield Finding(
            standing.contact_id,
            DriftKind.IN_TWO_CAMPAIGN_LISTS,
            next(role for role in CAMPAIGN_LISTS if role in standing.open_removals & twice),
            f"on {_names(standing.ours & set(CAMPAIGN_LISTS))}",
            f"on {_names(twice)}",
            f"Half moved: a campaign to each of {_names(twice)} reaches the contact. The move goes on as soon as lists may be "
            "changed; do not send to these lists before.",
        )
    if len(standing.listed) > 1:
        leaves, stays, why = _surplus(standing)
        names = _names(standing.listed)
        yield Finding(
            standing.contact_id,
            DriftKind.IN_TWO_CAMPAIGN_LISTS,
            leaves,
            f"on {_names(standing.ours & set(CAMPAIGN_LISTS))}",
            f"on {names}",
            f"A campaign to each of {names} reaches the contact. Proposed: leave it on the {stays.label} ({why}), and take "
            f"it off the {leaves.label}."
            if suppressed is None and unsubscribed is None
            else f"On {names}; the repair of its suppression takes it off all of them."
            if suppressed is not None
            else f"On {names}; it unsubscribed, and the repair of that takes it off them one after the other.",
            repair=None
            if suppressed is not None or unsubscribed is not None
            else PlanItem(
                standing.contact_id,
                ItemAction.REMOVE,
                rule=DriftKind.IN_TWO_CAMPAIGN_LISTS.value,
                from_role=leaves,
                reason="repair",
                explanation=f"Stands on {names} at once; stays on the {stays.label}: {why}.",
            ),
        )


def _unsubscribed(standing: Standing) -> Finding | None:
    """Who unsubscribed gets no mail, whoever put the contact on a list again. Of two lists one is left at a time."""
    if not standing.has_unsubscribed or not standing.mailable_on or standing.is_under_way:
        return None
    role, names = standing.mailable_on[0], _names(standing.mailable_on)
    return Finding(
        standing.contact_id,
        DriftKind.UNSUBSCRIBED_AND_LISTED,
        role,
        "unsubscribed",
        f"subscribed on {names}",
        f"Unsubscribed once, and a campaign to {names} reaches the contact, for instance after an import. Proposed: take it "
        "off. If the person wants mail again: `list-pipeline resubscribed`.",
        repair=PlanItem(
            standing.contact_id,
            ItemAction.REMOVE,
            rule=DriftKind.UNSUBSCRIBED_AND_LISTED.value,
            from_role=role,
            reason="repair",
            explanation=f"Unsubscribed, and is subscribed on {names}.",
        ),
    )


def _suppressed(standing: Standing) -> Finding | None:
    on_list = ListRole.SUPPRESSION in standing.theirs
    if standing.was_suppressed and not on_list and standing.exists and not standing.is_under_way:
        where = f", and stands on {_names(standing.listed)}" if standing.listed else ""
        return Finding(
            standing.contact_id,
            DriftKind.SUPPRESSION_UNDONE,
            ListRole.SUPPRESSION,
            "suppressed, confirmed by our journal",
            "not on the suppression list",
            f"Somebody else took the contact off the suppression list{where}. Proposed: suppress it again.",
            repair=_suppress_again(standing, DriftKind.SUPPRESSION_UNDONE.value, "Was taken off the suppression list."),
            is_like_our_work=looks_like_our_work(standing),
        )
    if not standing.listed:
        return None
    first, *others = standing.listed
    names = _names(standing.listed)
    if on_list:
        is_done_but_for_one = standing.excluded_theirs and not others
        repair = (
            PlanItem(
                standing.contact_id,
                ItemAction.REMOVE,
                rule=DriftKind.SUPPRESSED_AND_LISTED.value,
                from_role=first,
                reason="repair",
                explanation=f"Is suppressed and stands on {names}.",
            )
            if is_done_but_for_one
            else _suppress_again(
                standing, DriftKind.SUPPRESSED_AND_LISTED.value, f"Is suppressed and stands on {names}."
            )
        )
        words = f"Suppressed, and still on {names}. Proposed: take it off."
    elif standing.suppressed_as is not None:
        words = (
            f"The address is suppressed as contact {standing.suppressed_as} and came back under this id, for instance by an "
            f"import; now on {names}. Proposed: suppress this contact too."
        )
        repair = _suppress_again(standing, "suppressed_address_listed", words)
    else:
        return None
    return Finding(
        standing.contact_id,
        DriftKind.SUPPRESSED_AND_LISTED,
        first,
        f"on {_names(standing.ours & set(CAMPAIGN_LISTS))}",
        f"on {names}",
        words,
        repair=repair,
    )


def _suppress_again(standing: Standing, rule: str, explanation: str) -> PlanItem:
    return PlanItem(
        standing.contact_id,
        ItemAction.SUPPRESS,
        rule=rule,
        to_role=ListRole.SUPPRESSION,
        reason=BY_HAND,
        explanation=explanation,
    )


def _surplus(standing: Standing) -> tuple[ListRole, ListRole, str]:
    """The list that is left, the one that is kept, and why. Of three one is left at a time; the next look finds the rest."""
    listed = standing.listed
    fitting = [role for role in listed if role in standing.one_mail_on]
    kept = fitting or listed
    stays = next((role for role in (standing.last_added_to, standing.first_on) if role in kept), None) or kept[0]
    if fitting and len(fitting) < len(listed):
        why = "there it gets the open cycle once"
    else:
        why = "our journal put the contact there last" if stays is standing.last_added_to else "it was there first"
    return next(role for role in reversed(listed) if role is not stays), stays, why


def _names(roles: Iterable[ListRole]) -> str:
    wanted = set(roles)
    return lists_text(role for role in ListRole if role in wanted) or "no campaign list"


def _subscribed(is_unsubscribed: bool) -> str:
    return "unsubscribed" if is_unsubscribed else "subscribed"


def _excluded(is_excluded: bool) -> str:
    return "excluded from campaigns" if is_excluded else "not excluded from campaigns"
