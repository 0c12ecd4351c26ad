"""Codes in words that a marketer understands: states, rules, kinds of plans.

Belongs here: one short phrase for each code. Does not belong here: sentences, which stand with their noun in ``core``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from list_pipeline.core.lists import ListRole

_WORDS: Mapping[str, str] = {
    # Actions
    "suppress": "Never mail again",
    "monitor": "Watch, change nothing",
    "keep": "Keep, change nothing",
    "move": "Move to another list",
    "enrol": "Add to a list",
    "restore": "Bring back",
    "remove": "Take off one list",
    "quarantine": "Keep from mail for a while",
    # Rules
    "complaint": "marked a mail as spam",
    "hard_bounce": "the address does not work",
    "second_hit": "the address failed twice",
    "soft_bounce_pattern": "the mailbox has been failing for weeks",
    "first_disputed_hit": "failed once, not sure yet",
    "first_hit": "failed once",
    "soft_streak": "has failed lately, not long enough",
    "single_soft_bounce": "failed once for a passing reason",
    "new_contact": "too new to judge",
    "delivered_since": "was reached since",
    "engaged_since": "opened or clicked since",
    "sender_fault": "our own fault, not theirs",
    "not_evidence": "nothing was tried",
    "manual": "by a person's hand",
    "import": "asked for by a person",
    "new_audience": "part of a new audience",
    # Kinds of plans
    "suppression": "suppression",
    "rebalancing": "evening out the lists",
    "undo": "undo",
    "redo": "redo",
    "reinstate": "bring a contact back",
    "maintenance": "maintenance",
    "health_check": "weekly check",
    "rollback": "rollback",
    "repair": "repair",
    "release": "release from quarantine",
    "split": "new audience divided over the lists",
    # States
    "pending_review": "waits for a person",
    "approved": "approved",
    "rejected": "rejected",
    "expired": "lapsed",
    "executed": "carried out",
    "superseded": "replaced by a newer plan",
    "withdrawn": "withdrawn",
    "planned": "planned",
    "done": "done",
    "incomplete": "partly done",
    "nothing": "nothing was left to do",
    "partial_success": "partly done",
    "success": "done",
    "read_only": "looked only",
    "rolled_back": "taken back",
    "partly_rolled_back": "partly taken back",
    "post_campaign": "maintenance after a campaign",
    "pre_campaign_validation": "validation before a campaign",
    "weekly_health": "weekly check",
    "24h": "after 24 hours",
    "72h": "after 72 hours",
    "7d": "after 7 days",
    # Launch changes
    "waiting": "waits for a reviewer",
    "refused": "not carried out",
    "submitting": "being asked of Mailjet",
    "confirmed": "done",
    # Failures
    "hard": "hard bounce",
    "soft": "soft bounce",
    "block": "blocked by the receiver",
    "content": "content refused",
    "unknown": "not understood",
    "approval_required": "every change waits for a person",
    "auto": "automatic",
}


def words_of(code: str | Enum | None) -> str:
    """A code as people read it: its own phrase, or itself with spaces."""
    if code is None:
        return "–"
    if isinstance(code, ListRole):
        return code.label
    text = str(code.value if isinstance(code, Enum) else code)
    return _WORDS.get(text, text.replace("_", " "))
