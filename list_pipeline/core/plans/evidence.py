"""What the items of a plan rest on.

Belongs here: every kind of evidence that an item may hold. Does not belong here: what follows from it
(``core.suppression``, ``core.plans.corrections``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from list_pipeline.core.bounces.classes import FailureEvidence


@dataclass(frozen=True, slots=True)
class ContactFlag:
    """A flag that Mailjet has set on the contact itself, by Mailjet's name for it."""

    flag: str
    kind: Literal["contact_flag"] = "contact_flag"


@dataclass(frozen=True, slots=True)
class ReversedChange:
    """An earlier change of ours that the item takes back."""

    change_id: int
    kind: Literal["change"] = "change"


Evidence = FailureEvidence | ContactFlag | ReversedChange

SPAM_COMPLAINT_FLAG = ContactFlag("IsSpamComplaining")
"""Mailjet says of the contact that it complained."""
