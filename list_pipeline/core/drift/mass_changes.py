"""Mass changes: so much of a list changed at Mailjet within a day that neither our journal nor ordinary life explains it.

Belongs here: how much is ordinary, and what becomes of a list that was changed by more. Does not belong here: what came and
went (``storage.membership.list_edits``), what of it our journal explains (``storage.mass_changes``), and the messages
(``mass_change_message``).

The share of a list alone is not enough, and was rejected: an account that imports a tenth of a list every Monday would be asked
every Monday. One day's figure is not enough either: whoever takes off 4 % before noon and 4 % after it took off 8 %, so
everything of the last 24 hours counts together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction

from list_pipeline.core.life_cycles import life_cycle
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole


class ListEdit(StrEnum):
    """What a sync saw of one contact that our rows did not have: on one list, or (the last two) in all campaigns."""

    LEFT = "left"
    CAME = "came"
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBED = "subscribed"
    EXCLUDED = "excluded"
    INCLUDED = "included"


class MassChangeKind(StrEnum):
    """What happened to many contacts of a list at once.

    ``left``: taken off it, and still in the account. ``gone``: on no list any more, so deleted or taken off everything.
    ``list_gone``: the list itself was deleted, or has another id.
    """

    LEFT = "left"
    GONE = "gone"
    CAME = "came"
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBED = "subscribed"
    EXCLUDED = "excluded"
    INCLUDED = "included"
    LIST_GONE = "list_gone"

    @property
    def words(self) -> str:
        """What happened to the contacts, for people: ``196 contacts were taken off List 2``."""
        return _WORDS[self]

    @property
    def edit(self) -> ListEdit | None:
        """What a sync sees of each contact; None for a list that is gone."""
        return _EDITS[self]


_WORDS: Mapping[MassChangeKind, str] = {
    MassChangeKind.LEFT: "were taken off",
    MassChangeKind.GONE: "were deleted, or taken off every list, and were on",
    MassChangeKind.CAME: "came onto",
    MassChangeKind.UNSUBSCRIBED: "were unsubscribed on",
    MassChangeKind.SUBSCRIBED: "were subscribed again on",
    MassChangeKind.EXCLUDED: "were excluded from campaigns, and are on",
    MassChangeKind.INCLUDED: "are no longer excluded from campaigns, and are on",
    MassChangeKind.LIST_GONE: "were on a list that Mailjet no longer has:",
}

_EDITS: Mapping[MassChangeKind, ListEdit | None] = {
    MassChangeKind.LEFT: ListEdit.LEFT,
    MassChangeKind.GONE: ListEdit.LEFT,
    MassChangeKind.CAME: ListEdit.CAME,
    MassChangeKind.UNSUBSCRIBED: ListEdit.UNSUBSCRIBED,
    MassChangeKind.SUBSCRIBED: ListEdit.SUBSCRIBED,
    MassChangeKind.EXCLUDED: ListEdit.EXCLUDED,
    MassChangeKind.INCLUDED: ListEdit.INCLUDED,
    MassChangeKind.LIST_GONE: None,
}

UNDOES: Mapping[ListEdit, ListEdit] = {
    ListEdit.LEFT: ListEdit.CAME,
    ListEdit.CAME: ListEdit.LEFT,
    ListEdit.UNSUBSCRIBED: ListEdit.SUBSCRIBED,
    ListEdit.SUBSCRIBED: ListEdit.UNSUBSCRIBED,
    ListEdit.EXCLUDED: ListEdit.INCLUDED,
    ListEdit.INCLUDED: ListEdit.EXCLUDED,
}
"""Each edit, and the one that takes it back."""

KEEPS_FROM_REBALANCING = frozenset({ListRole.MASTER, *CAMPAIGN_LISTS})
"""Lists that are frozen for rebalancing while a person has not decided: nobody is moved from or to such a campaign list, and
while it is the master list, nobody is enrolled out of it. The suppression list gives and takes no part in it."""


class MassChangeStatus(StrEnum):
    """What became of a mass change. ``repaired``: those who were taken off were put back by a plan. ``resolved``: somebody
    took it back at Mailjet by hand, and nothing is left to decide."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REPAIRED = "repaired"
    RESOLVED = "resolved"


MASS_CHANGE_LIFE = life_cycle(
    "a mass change",
    {
        MassChangeStatus.OPEN: {MassChangeStatus.ACCEPTED, MassChangeStatus.REPAIRED, MassChangeStatus.RESOLVED},
        MassChangeStatus.ACCEPTED: (),
        MassChangeStatus.REPAIRED: (),
        MassChangeStatus.RESOLVED: (),
    },
)

PUT_BACK = "taken_off_in_a_mass"
"""The rule of an item that puts a contact back which was taken off its list."""

POLICY_VERSION = "mass-changes-1"
"""Version of these rules, stored with every proposed repair."""


@dataclass(frozen=True, slots=True)
class MassChangePolicy:
    """The figures, all our own but ``percent``, which is the loss of a list that the specification calls an alert."""

    percent: int = 5
    """Of a list: what changes within ``window`` beyond it is no ordinary life, unless it is usual on this list."""
    least: int = 10
    """Fewer contacts than these are never a mass, so that a small list is not frozen by one."""
    window: timedelta = timedelta(hours=24)
    """Everything within it counts together."""
    history: timedelta = timedelta(days=28)
    """What is usual is measured over these days before the window."""
    usual_on_days: int = 3
    """A figure that so many days reached is usual: one import is none, one every week is."""
    usual_margin: Fraction = Fraction(3, 2)
    """Half more than what is usual is still ordinary: days differ, and two days' work can fall into one window."""
    kept: timedelta = timedelta(days=60)
    """What was seen of single contacts is forgotten after this time."""


MASS_CHANGES = MassChangePolicy()


@dataclass(frozen=True, slots=True)
class MassChangeFigures:
    """So many contacts of a list changed within the window, and nothing of ours explains it.

    ``size_before``: contacts that the list would have without that. ``ordinary``: as many would have been ordinary.
    ``usual``: as many are usual in a day; 0 where nothing is known.
    """

    role: ListRole
    kind: MassChangeKind
    contacts: int
    size_before: int
    ordinary: int = 0
    usual: int = 0


Counts = Mapping[tuple[ListRole, MassChangeKind], int]


def figures(counts: Counts, sizes: Mapping[ListRole, int]) -> tuple[MassChangeFigures, ...]:
    """What changed, beside the size of its list without that.

    Args:
        counts: contacts by list and kind that changed within the window; each is counted once a kind, and not at all where its
            state is again as it was. sizes: contacts on each list now.
    """
    found = []
    for (role, kind), contacts in counts.items():
        off = counts.get((role, MassChangeKind.LEFT), 0) + counts.get((role, MassChangeKind.GONE), 0)
        came = counts.get((role, MassChangeKind.CAME), 0)
        moves_size = kind in (MassChangeKind.LEFT, MassChangeKind.GONE, MassChangeKind.CAME)
        before = sizes.get(role, 0) + (off - came if moves_size else 0)
        found.append(MassChangeFigures(role, kind, contacts, max(before, 0)))
    order = list(ALL_LISTS)
    return tuple(sorted(found, key=lambda one: (order.index(one.role), list(MassChangeKind).index(one.kind))))


def is_mass(contacts: int, ordinary: int, policy: MassChangePolicy = MASS_CHANGES) -> bool:
    """Whether so many contacts are more than ordinary."""
    return contacts >= policy.least and contacts > ordinary


def ordinary_change(size_before: int, usual: int, days: int = 1, policy: MassChangePolicy = MASS_CHANGES) -> int:
    """As many contacts may change without anybody being asked: a share of the list, or what is usual on it, whichever is more.

    Args:
        usual: contacts that usually change in a day. days: since the lists were looked at before, at least 1: after an absence
            the usual of all these days is seen at once. The share of the list stays the same.
    """
    share = Fraction(policy.percent, 100) * size_before
    return int(max(share, policy.usual_margin * usual * max(days, 1)))


def usual_churn(by_day: Iterable[int], policy: MassChangePolicy = MASS_CHANGES) -> int:
    """The contacts that usually change in a day: what several days of the history reached.

    Args:
        by_day: contacts of each day on which any changed; days without are left out.
    """
    days = sorted(by_day, reverse=True)
    return days[policy.usual_on_days - 1] if len(days) >= policy.usual_on_days else 0


def together(found: Iterable[MassChangeFigures], one: MassChangeFigures) -> int:
    """Contacts of its list of whom a sync sees the same. Who was taken off a list and who was deleted are both missing on it:
    4 % of the one and 4 % of the other are a loss of 8 %."""
    return sum(other.contacts for other in found if (other.role, other.kind.edit) == (one.role, one.kind.edit))


def candidates(found: Sequence[MassChangeFigures]) -> tuple[MassChangeFigures, ...]:
    """Those that are a mass unless so much is usual: only of these the history has to be looked at."""
    return tuple(one for one in found if is_mass(together(found, one), ordinary_change(one.size_before, 0)))


def with_history(
    one: MassChangeFigures, among: Iterable[MassChangeFigures], by_day: Iterable[int], days: int
) -> MassChangeFigures | None:
    """A candidate beside what is usual on its list; None where it is ordinary.

    Args:
        among: all candidates, see ``together``. by_day: see ``usual_churn``. days: see ``ordinary_change``.
    """
    usual = usual_churn(by_day)
    ordinary = ordinary_change(one.size_before, usual, days)
    if not is_mass(together(among, one), ordinary):
        return None
    return MassChangeFigures(one.role, one.kind, one.contacts, one.size_before, ordinary, usual)


def frozen_for_rebalancing(open_lists: Collection[ListRole]) -> frozenset[ListRole]:
    """Of the lists with a mass change on which nobody has decided, those that a rebalancing leaves alone."""
    return KEEPS_FROM_REBALANCING & frozenset(open_lists)
