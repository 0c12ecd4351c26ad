"""Whether a validation blocks its campaign, and the campaign's status after it."""

from __future__ import annotations

import pytest

from list_pipeline.core.campaigns.eligibility import CAMPAIGN_LIFE, CampaignStatus
from list_pipeline.core.validation.block import BY_VALIDATION, blocks, status_after
from list_pipeline.core.validation.checklist import RuleResult, Severity, ValidationRule

SUPPRESSED = RuleResult(ValidationRule.NOBODY_SUPPRESSED, Severity.CRITICAL, "Found 1.")
EXISTS = RuleResult(ValidationRule.LIST_EXISTS, Severity.CRITICAL, "Deleted.")
UNEVEN = RuleResult(ValidationRule.BALANCE, Severity.WARNING, "Uneven.")

SCHEDULED, READY, BLOCKED = CampaignStatus.SCHEDULED, CampaignStatus.READY, CampaignStatus.BLOCKED


def test_a_critical_result_blocks_and_a_warning_does_not() -> None:
    assert blocks([UNEVEN, SUPPRESSED], frozenset())
    assert not blocks([UNEVEN], frozenset())
    assert not blocks([], frozenset())


def test_what_a_person_let_go_blocks_no_more_and_another_rule_does() -> None:
    let_go = frozenset({ValidationRule.NOBODY_SUPPRESSED})
    assert not blocks([SUPPRESSED], let_go)
    assert blocks([SUPPRESSED, EXISTS], let_go)


@pytest.mark.parametrize(
    ("seen", "blocked_by", "is_blocking", "after"),
    [
        (SCHEDULED, None, False, READY),
        (SCHEDULED, None, True, BLOCKED),
        (READY, None, False, READY),
        (READY, None, True, BLOCKED),
        (BLOCKED, BY_VALIDATION, False, READY),
        (BLOCKED, BY_VALIDATION, True, BLOCKED),
        (BLOCKED, "Ana", False, BLOCKED),
        (BLOCKED, None, False, BLOCKED),
    ],
)
def test_a_validation_makes_ready_or_blocks_but_never_lifts_what_a_person_set(
    seen: CampaignStatus, blocked_by: str | None, is_blocking: bool, after: CampaignStatus
) -> None:
    assert status_after(seen, blocked_by, is_blocking=is_blocking) is after
    assert seen is after or CAMPAIGN_LIFE.allows(seen, after)


@pytest.mark.parametrize("seen", [CampaignStatus.LAUNCHING, CampaignStatus.SENT, CampaignStatus.COMPLETED])
@pytest.mark.parametrize("is_blocking", [True, False])
def test_what_mailjet_began_to_send_keeps_its_status(seen: CampaignStatus, is_blocking: bool) -> None:
    assert status_after(seen, None, is_blocking=is_blocking) is seen
