"""Whether a validation blocks its campaign, and the campaign's status after it.

Belongs here: those two decisions. Does not belong here: the rules and how bad each result is (``rules``), and the schedule
of a blocked campaign at Mailjet (``operations.validation.campaign_block``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.validation.checklist import RuleResult, Severity, ValidationRule

BY_VALIDATION = "validation"
"""The author of a block that a validation set. Any other one is a person's."""

_BEFORE_THE_SEND = (CampaignStatus.SCHEDULED, CampaignStatus.READY, CampaignStatus.BLOCKED)


def blocks(results: Iterable[RuleResult], let_go: Collection[ValidationRule]) -> bool:
    """Whether the results block the campaign: one is critical whose rule a person did not let go for this time of sending."""
    return any(result.severity is Severity.CRITICAL and result.rule not in let_go for result in results)


def status_after(seen: CampaignStatus, blocked_by: str | None, *, is_blocking: bool) -> CampaignStatus:
    """The status of a campaign whose list was validated.

    A person's block is a person's to lift, and a campaign that Mailjet began to send keeps what it has.

    Args:
        seen: its status before.
        blocked_by: the author of its block, where it is blocked.
        is_blocking: whether the validation blocks it.
    """
    if seen not in _BEFORE_THE_SEND:
        return seen
    is_persons = seen is CampaignStatus.BLOCKED and blocked_by != BY_VALIDATION
    return CampaignStatus.BLOCKED if is_blocking or is_persons else CampaignStatus.READY
