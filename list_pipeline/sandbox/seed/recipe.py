"""The contents of a seeded account: its numbers, and the course of each trap over three cycles.

Belongs here: the request for a seed and its proportions. Does not belong here: drawing contacts (``people``) and
writing rows (``seeding``). All numbers are made up for 3,600 contacts in the proportions of a real newsletter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

BASE = 3600
"""The number of contacts for which the counts below are meant."""

SMALLEST, LARGEST = 3000, 1_000_000
CYCLES = 3
HOUR, DAY = 3600, 86_400
ROUND_GAP = 7 * DAY // 2
CYCLE_GAP = 12 * DAY
SINCE_LAST_SEND = 25 * HOUR

SCENARIOS = ("closed_cycle", "open_cycle")


@dataclass(frozen=True, slots=True)
class SeedRequest:
    """The request for a seed.

    ``contacts`` is the size of the master list. ``anchor`` (None: the clock's present) is 25 hours after the end of the
    last send. ``last_send_failures`` constant keeps the failures of the last send at the counts for 3,600 contacts;
    ``balance`` even gives the three lists the same size, so that no repair is due. ``schedule_next`` adds the
    programmed draft of the next round, two days ahead.
    """

    scenario: str = "closed_cycle"
    contacts: int = BASE
    seed: int = 1
    anchor: datetime | None = None
    master: int = 5776
    campaign_1: int = 10503497
    campaign_2: int = 10503498
    campaign_3: int = 10503499
    suppression: int = 10503500
    last_send_failures: str = "scaled"
    balance: str = "repairable"
    schedule_next: bool = True

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise ValueError(f"no such scenario: {self.scenario}; there are {', '.join(SCENARIOS)}")
        if not SMALLEST <= self.contacts <= LARGEST:
            raise ValueError(f"contacts is a number from {SMALLEST} to {LARGEST}")
        if self.last_send_failures not in ("scaled", "constant"):
            raise ValueError("last_send_failures is scaled or constant")
        if self.balance not in ("repairable", "even"):
            raise ValueError("balance is repairable or even")
        if self.anchor is not None and self.anchor.tzinfo is None:
            raise ValueError("the anchor needs a time zone")
        ids = (self.master, *self.campaign_lists, self.suppression)
        if len(set(ids)) != len(ids):
            raise ValueError("the five list ids must differ")

    @property
    def campaign_lists(self) -> tuple[int, int, int]:
        """The three lists in the order of the rotation."""
        return (self.campaign_1, self.campaign_2, self.campaign_3)

    @property
    def last_round(self) -> int:
        """Index of the round that was sent last: 2 when the cycle is closed, 1 when it is open."""
        return 2 if self.scenario == "closed_cycle" else 1

    def scaled(self, count: int) -> int:
        """A count for 3,600 contacts at this size, at least 1."""
        return max(1, round(count * self.contacts / BASE))

    def failures(self, count: int) -> int:
        """A count of failures in the last send."""
        return count if self.last_send_failures == "constant" else self.scaled(count)


@dataclass(frozen=True, slots=True)
class Trap:
    """A kind of contact on the list that was mailed last.

    ``outcomes`` are those of the three cycles on that list, oldest first; None means delivered. ``key`` is the name in
    the answers. ``condition`` is how later sends end for such a contact, ``block`` the StateID with which Mailjet
    refuses it. ``is_new``: it joined the list before the last send, and was never mailed before.
    """

    key: str
    count: int
    outcomes: tuple[str | None, str | None, str | None]
    condition: str | None = None
    block: int | None = None
    is_new: bool = False


LAST_SEND_TRAPS: tuple[Trap, ...] = (
    Trap("hard", 26, (None, None, "user_unknown"), block=14, is_new=True),
    Trap("hard", 5, (None, None, "invalid_domain"), block=14, is_new=True),
    Trap("hard", 4, (None, None, "typofix"), block=14, is_new=True),
    Trap("disputed_first_hit", 5, (None, None, "mailbox_inactive"), "mailbox_inactive", is_new=True),
    Trap("disputed_first_hit", 2, (None, None, "user_unknown_disputed"), "user_unknown_disputed", is_new=True),
    Trap("disputed_first_hit", 2, (None, None, "no_mail_host"), "no_mail_host", is_new=True),
    Trap("disputed_second_hit", 4, (None, "mailbox_inactive", "mailbox_inactive"), "mailbox_inactive"),
    Trap("disputed_second_hit", 1, (None, "user_unknown_disputed", "user_unknown_disputed"), "user_unknown_disputed"),
    Trap("disputed_second_hit", 1, (None, "no_mail_host", "no_mail_host"), "no_mail_host"),
    Trap("soft_pattern", 7, ("quota_exceeded", "quota_exceeded", "quota_exceeded"), "quota_exceeded"),
    Trap("two_soft", 3, (None, "quota_exceeded", "quota_exceeded"), "quota_exceeded"),
    Trap("interrupted_soft", 2, ("quota_exceeded", None, "quota_exceeded")),
    Trap("single_soft", 12, (None, None, "quota_exceeded")),
    Trap("single_soft", 6, (None, None, "greylisted")),
    Trap("single_soft", 3, (None, None, "system_issue")),
    Trap("single_soft", 2, (None, None, "protocol_issue")),
    Trap("single_soft", 4, (None, None, "connection_issue")),
    Trap("sender_side_permanent", 6, (None, None, "sender_blocked")),
    Trap("sender_side_permanent", 4, (None, None, "policy_issue")),
    Trap("sender_side", 3, (None, None, "content_blocked")),
    Trap("sender_side", 2, (None, None, "relay_denied")),
    Trap("sender_side", 2, (None, None, "spam_preblocked")),
    Trap("preblocked", 5, (None, None, "preblocked"), block=14),
    Trap("not_attempted", 2, (None, None, "duplicate_in_campaign")),
    Trap("not_attempted", 2, (None, None, "blacklisted"), block=20),
    Trap("complaint", 3, (None, None, "complained"), block=21),
    Trap("complaint", 2, (None, None, "spam_reporter"), block=21),
)

FIXED_TRAPS: tuple[Trap, ...] = (
    Trap("unknown_state", 1, (None, None, "unknown_state")),
    Trap("contradictions", 1, (None, None, "user_unknown")),
    Trap("contradictions", 1, (None, None, "quota_exceeded")),
    Trap("incident_domain", 6, (None, None, "user_unknown")),
    Trap("incident_domain_delivered", 2, (None, None, None)),
    Trap("first_hit", 3, (None, None, "user_unknown"), block=14),
)
"""A few of these at every size. The first contradiction has no bounce row, the second's row is a permanent one."""

SUPPRESSED_KEYS = frozenset({"hard", "disputed_second_hit", "soft_pattern", "complaint"})
"""What a careful policy takes off the lists after the last send."""

EARLIER_NOISE: tuple[tuple[str, int], ...] = (
    ("quota_exceeded", 8),
    ("greylisted", 6),
    ("connection_issue", 4),
    ("system_issue", 2),
    ("sender_blocked", 3),
    ("policy_issue", 2),
    ("content_blocked", 1),
    ("preblocked", 2),
    ("duplicate_in_campaign", 1),
    ("mailbox_inactive", 1),
)
"""Failures of every earlier send, each for another contact: none of them ever becomes a pattern."""

EARLIER_HARD = (
    "user_unknown",
    "user_unknown",
    "user_unknown",
    "invalid_domain",
    "typofix",
    "user_unknown",
    "complained",
)
"""Why the contacts on the suppression list are there, in turn."""

SUPPRESSED = 47
NEWCOMERS = 40
UNSUBSCRIBED_NEWCOMERS = 4
EXCLUDED_NEWCOMERS = 4
GHOST_NEWCOMERS = 2
SUPPRESSED_NEWCOMERS = 3
"""On the suppression list and in master, but somebody lifted their exclusion by hand."""
GHOSTS = 3
UNSUBSCRIBED_PER_LIST = 8
EXCLUDED_PER_LIST = 4
LATE_JOINERS_PER_LIST = 30

LAST_LIST_SHARE = 0.94
OTHER_SHARES = (1.035, 1.025)
"""Sizes in relation to the mean once the last send's failures are gone: 6 % off, which is more than 5."""
