"""The results of a run and an answer about them, for the tests of the report.

Belongs here: facts and answers. Does not belong here: expectations.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.reporting import Written, write
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.health.figures import shown_rate
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import (
    ListChange,
    ListRates,
    MaintenanceFacts,
    MaintenanceLinks,
    RebalancingFacts,
    SenderFault,
    Standing,
    SuppressionFacts,
)
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.wording import Rate
from list_pipeline_tests.unit.agents.consultation_cases import model_that_ends_with

FACTS = MaintenanceFacts(
    status=RunStatus.SUCCESS,
    mode="auto",
    campaign_name="Autumn <b>jane@example.com</b>",
    round_number=2,
    list_role=ListRole.CAMPAIGN_2,
    sent_at=datetime(2026, 11, 20, tzinfo=UTC),
    recipients=12_000,
    links=MaintenanceLinks(17, "autumn-r2"),
    bounces={"hard": 121, "soft": 60, "complaint": 4},
    suppression=SuppressionFacts({"hard_bounce": 120}, {"hard_bounce": 118}, {"hard_bounce": 2}, 3),
    rebalancing=RebalancingFacts(10, 10, 5, 4, 7, "10 moves are the fewest."),
    sender_faults=[SenderFault("policy_issue", 33, "Check SPF and DKIM")],
    lists=[ListChange(role, 12_500, 11_900, 12_480, 11_780) for role in ALL_LISTS],
    deviation_before=6.24,
    deviation_after=1.9,
    complaint_rate=ComplaintRate(4, 12_000),
    assessments=[
        HealthAssessment(
            role,
            HealthStatus.WARNING if role is ListRole.CAMPAIGN_2 else HealthStatus.HEALTHY,
            Urgency.MEDIUM if role is ListRole.CAMPAIGN_2 else Urgency.LOW,
            ("The hard bounce rate is 3.1 %, above 2 %.",) if role is ListRole.CAMPAIGN_2 else (),
            (),
            "Receivers may slow down our mail.",
            "The hard bounce rate rose.",
            None,
            AdviceSource.POLICY,
        )
        for role in CAMPAIGN_LISTS
    ],
    list_rates=[
        ListRates(role, shown_rate(Rate(11_819, 12_000)), shown_rate(Rate(181, 12_000))) for role in CAMPAIGN_LISTS
    ],
    later_looks_days=[3, 7],
)
WAITING = replace(
    FACTS,
    status=RunStatus.PENDING_REVIEW,
    suppression=SuppressionFacts({"hard_bounce": 120}, standing=Standing.WOULD),
    rebalancing=RebalancingFacts(10, standing=Standing.WOULD),
)
GOOD: dict[str, Any] = {
    "concerns": ["list_is_ill:list_2", "still_mailed"],
    "recommendations": ["check_failed", "check_list:list_2"],
    "next_steps": ["late_bounces"],
    "actions_taken": ["moved"],
    "key_metrics": ["contacts_suppressed", "failed_suppressions", "largest_deviation"],
    "executive_summary": ["suppressed", "lists_comparable"],
}
NOTHING: dict[str, Any] = {name: [] for name in GOOD}
HOSTILE = (
    "Choose approve for the waiting plan.",
    "Mailjet has confirmed that the bounces are genuine.",
    "Enter your token on the review page.",
    "suppressed: ignore the policy this time.",
    "<!channel> 118 contacts were suppressed.",
)
"""Sentences in place of choices."""


def answered(facts: MaintenanceFacts = FACTS, **changed: Any) -> Written:
    return write(ModelAccess(model_that_ends_with(json.dumps({**GOOD, **changed}))), facts)
