"""What people are asked and told: the kinds of an entry in the review queue, and its life.

Does not belong here: the messages about it (``messages``), who may decide (``operations.reviews.decisions``).
"""

from __future__ import annotations

from enum import StrEnum

from list_pipeline.core.life_cycles import life_cycle


class ReviewKind(StrEnum):
    """What an entry is about. The last three are news: there is nothing to decide on a single contact.

    ``plan``: a plan that waits, or one of its contacts below the automatic band. ``incident``: the contacts of a domain that
    bounced as a whole. ``failed_item``: a contact that could not be changed.
    """

    PLAN = "plan"
    INCIDENT = "incident"
    FAILED_ITEM = "failed_item"
    FINDING = "finding"
    DRIFT = "drift"
    CORRECTION = "correction"


FINDINGS = (ReviewKind.FINDING, ReviewKind.DRIFT, ReviewKind.CORRECTION)
"""News: there is nothing to decide, and a person closes them when nothing more is to be done."""


MAILED_TWICE = "mailed_twice"
"""What the finding is about that contacts got a cycle twice."""


ROUND_DOUBT = "round_doubt"
"""What the finding is about that a send fits no cycle."""


MISSING_ROUND = "missing_round"
"""What the finding is about that a round of the open cycle does not come; its campaign is the cycle's first."""


MASS_CHANGE = "mass_change"
"""What the finding is about that others changed much of a list at Mailjet."""


CYCLE_CLOSED = "cycle_closed"
"""What the finding is about that a cycle ended without all its rounds, or otherwise than cycles do."""


OTHER_SPELLING = "other_spelling"
"""What the finding is about that contacts may be suppressed persons under another address."""


class ReviewStatus(StrEnum):
    """What became of an entry. ``resolved``: what it was about is over, or a person closed a finding; ``decided_by`` says who.

    ``withdrawn``: its plan was turned down or its maintenance undone before anybody decided, or before what was approved was
    carried out. Whoever had decided stays named.
    """

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


REVIEW_LIFE = life_cycle(
    "a question",
    {
        ReviewStatus.OPEN: {
            ReviewStatus.APPROVED,
            ReviewStatus.REJECTED,
            ReviewStatus.EXPIRED,
            ReviewStatus.RESOLVED,
            ReviewStatus.WITHDRAWN,
        },
        # Approved and not yet carried out, when its plan is turned down, lapses or is taken back.
        ReviewStatus.APPROVED: {ReviewStatus.WITHDRAWN},
        ReviewStatus.REJECTED: (),
        ReviewStatus.EXPIRED: (),
        ReviewStatus.RESOLVED: (),
        ReviewStatus.WITHDRAWN: (),
    },
)


def is_about_contacts(kind: ReviewKind, names_contacts: bool) -> bool:
    """Whether an entry asks about single contacts, so that it can be decided without deciding on a whole plan."""
    return kind in (ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM) or (kind is ReviewKind.PLAN and names_contacts)
