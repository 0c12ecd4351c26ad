"""Mailjet's vocabulary of message ends: statuses, bounce states and the outcomes that a rehearsed send can have.

Belongs here: the closed lists of the API and, per outcome, what each of Mailjet's two bounce sources shows for it.
Does not belong here: which contact gets which outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

STATES: dict[int, tuple[str, str]] = {
    1: ("recipient", "user unknown"),
    2: ("recipient", "mailbox inactive"),
    3: ("recipient", "quota exceeded"),
    4: ("domain", "invalid domain"),
    5: ("domain", "no mail host"),
    6: ("domain", "relay/access denied"),
    7: ("spam", "sender blocked"),
    8: ("spam", "content blocked"),
    9: ("spam", "policy issue"),
    10: ("system", "system issue"),
    11: ("system", "protocol issue"),
    12: ("system", "connection issue"),
    13: ("domain", "greylisted"),
    14: ("mailjet", "preblocked"),
    15: ("mailjet", "duplicate in campaign"),
    16: ("mailjet", "spam preblocked"),
    17: ("content", "bad or empty template"),
    18: ("content", "error in template language"),
    19: ("domain", "typofix"),
    20: ("recipient", "blacklisted"),
    21: ("recipient", "spam reporter"),
}
"""StateID to (RelatedTo, State): the rows of ``messagestate`` (dev.mailjet.com message reference)."""


class Status(IntEnum):
    """Numbers of the ``MessageStatus`` filter (node SDK types); the names in answers are in ``STATUS_NAMES``."""

    PROCESSED = 0
    QUEUED = 1
    SENT = 2
    OPENED = 3
    CLICKED = 4
    BOUNCE = 5
    SPAM = 6
    UNSUB = 7
    BLOCKED = 8
    SOFT = 9
    HARD = 10
    DEFERRED = 11


STATUS_NAMES: dict[int, str] = {
    Status.PROCESSED: "unknown",
    Status.QUEUED: "queued",
    Status.SENT: "sent",
    Status.OPENED: "opened",
    Status.CLICKED: "clicked",
    Status.BOUNCE: "bounce",
    Status.SPAM: "spam",
    Status.UNSUB: "unsub",
    Status.BLOCKED: "blocked",
    Status.SOFT: "softbounced",
    Status.HARD: "hardbounced",
    Status.DEFERRED: "deferred",
}

DELIVERED = (Status.SENT, Status.OPENED, Status.CLICKED, Status.UNSUB, Status.SPAM)
"""Statuses of a message that reached its mailbox; ``statcounters`` counts them all as sent."""

FAILED = (Status.BOUNCE, Status.BLOCKED, Status.SOFT, Status.HARD)


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The end of one message. ``permanent`` and ``blocked`` are the flags of its ``bouncestatistics`` row."""

    status: Status
    state_id: int | None = None
    permanent: bool = False
    blocked: bool = False


OUTCOMES: dict[str, MessageEnd] = {
    "delivered": MessageEnd(Status.SENT),
    "opened": MessageEnd(Status.OPENED),
    "clicked": MessageEnd(Status.CLICKED),
    "unsubscribed": MessageEnd(Status.UNSUB),
    "complained": MessageEnd(Status.SPAM),
    "deferred": MessageEnd(Status.DEFERRED, 13),
    "user_unknown": MessageEnd(Status.HARD, 1, permanent=True, blocked=True),
    "user_unknown_disputed": MessageEnd(Status.SOFT, 1),
    "mailbox_inactive": MessageEnd(Status.HARD, 2, permanent=True, blocked=True),
    "quota_exceeded": MessageEnd(Status.SOFT, 3),
    "invalid_domain": MessageEnd(Status.HARD, 4, permanent=True, blocked=True),
    "no_mail_host": MessageEnd(Status.SOFT, 5),
    "relay_denied": MessageEnd(Status.SOFT, 6),
    "sender_blocked": MessageEnd(Status.HARD, 7, permanent=True, blocked=True),
    "content_blocked": MessageEnd(Status.SOFT, 8),
    "policy_issue": MessageEnd(Status.HARD, 9, permanent=True, blocked=True),
    "system_issue": MessageEnd(Status.SOFT, 10),
    "protocol_issue": MessageEnd(Status.SOFT, 11),
    "connection_issue": MessageEnd(Status.SOFT, 12),
    "greylisted": MessageEnd(Status.SOFT, 13),
    "preblocked": MessageEnd(Status.BLOCKED, 14, blocked=True),
    "duplicate_in_campaign": MessageEnd(Status.BLOCKED, 15, blocked=True),
    "spam_preblocked": MessageEnd(Status.BLOCKED, 16, blocked=True),
    "bad_template": MessageEnd(Status.BLOCKED, 17, blocked=True),
    "template_error": MessageEnd(Status.BLOCKED, 18, blocked=True),
    "typofix": MessageEnd(Status.HARD, 19, permanent=True, blocked=True),
    "blacklisted": MessageEnd(Status.BLOCKED, 20, blocked=True),
    "spam_reporter": MessageEnd(Status.BLOCKED, 21, blocked=True),
    "unknown_state": MessageEnd(Status.HARD, 77, permanent=True, blocked=True),
}
"""Outcomes by name. ``unknown_state`` carries a number outside Mailjet's table, which occurs in the field."""

_COMMENTS: dict[int, str] = {
    1: "550 5.1.1 <{email}>: Recipient address rejected: User unknown in local recipient table",
    2: "550 5.2.1 The email account <{email}> that you tried to reach is disabled",
    3: "452 4.2.2 <{email}> The recipient's inbox is out of storage space",
    4: "Host or domain name not found. Name service error for name={domain} type=A: Host not found",
    5: "Host or domain name not found. Name service error for name={domain} type=MX: Host not found, try again",
    6: "550 5.7.1 <{email}>: Relay access denied",
    7: "550 5.7.1 Service unavailable; client host blocked using a sender reputation list",
    8: "554 5.7.1 Message content rejected",
    9: "550 5.7.26 Unauthenticated email is not accepted due to the policy of {domain}",
    10: "451 4.3.0 Temporary system problem",
    11: "503 5.5.1 Bad sequence of commands",
    12: "connect to mx.{domain}: Connection timed out",
    13: "450 4.2.0 <{email}>: Recipient address rejected: Greylisted, see later",
}


def smtp_comment(state_id: int | None, email: str) -> str:
    """The text that ``messagehistory`` shows for a bounce; like real ones it may quote the address."""
    template = _COMMENTS.get(state_id or 0, "")
    return template.format(email=email, domain=email.rpartition("@")[2])
