"""One figure has one form in a message, however many places of the code tell it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from list_pipeline.agents.report_from_figures import policy_report
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, judge_health
from list_pipeline.core.health.figures import ListFigures, SendFigures, shown_rate
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.reports.facts import (
    ListChange,
    ListRates,
    MaintenanceFacts,
    MaintenanceLinks,
    SuppressionFacts,
)
from list_pipeline.core.reports.message import maintenance_message
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.weekly.facts import WeekFacts, WeekLinks
from list_pipeline.core.weekly.figures import (
    Activity,
    ListSize,
    WeekFigures,
    WeekSends,
    compare,
    issues_of,
    overall_urgency,
    week_of,
)
from list_pipeline.core.weekly.message import critical_alert, weekly_message
from list_pipeline.core.weekly.policy_report import policy_week_report

# Rates that no number of decimals makes alike: 4.1026 %, 17.3171 %, ...
SENDS = {
    ListRole.CAMPAIGN_1: SendFigures(1, 1_170, 31, 17, 1_122),
    ListRole.CAMPAIGN_2: SendFigures(1, 4_100, 613, 97, 3_390),
    ListRole.CAMPAIGN_3: SendFigures(1, 3_070, 11, 8, 3_051),
}
_PERCENT = re.compile(r"(-?\d+(?:\.\d+)?)(?= ?%| to -?\d+(?:\.\d+)? %)")


def forms(message: SlackMessage) -> set[str]:
    """The percentages of a message, as they are written in its text and its fallback."""
    return set(_PERCENT.findall(f"{as_text(message)}\n{message.text}"))


def told_twice(written: set[str]) -> set[frozenset[str]]:
    """Pairs of forms that are one figure with more and with fewer decimals. A limit (2 %) is no form of a rate (2.4 %)."""
    return {
        frozenset((coarse, fine))
        for coarse in written
        for fine in written - {coarse}
        if _decimals(coarse) <= _decimals(fine)
        and Decimal(fine).quantize(Decimal(coarse), ROUND_HALF_UP) == Decimal(coarse)
        and (_decimals(coarse) or Decimal(coarse) == Decimal(fine))
    }


def _decimals(form: str) -> int:
    return len(form.partition(".")[2])


def assessed(role: ListRole, sends: SendFigures) -> HealthAssessment:
    found = judge_health(ListFigures(role, 1_000, 1_000.0, 1_200.0, sends, sends))
    return HealthAssessment(
        role, found.status, found.urgency, found.concerns, (), found.reputation_impact, found.rationale, None,
        AdviceSource.POLICY,
    )  # fmt: skip


def week(monday: date, sends: dict[ListRole, SendFigures], *mailable: int) -> WeekFigures:
    return WeekFigures(
        week=week_of(monday, 1, 10),
        sends={role: WeekSends(role, each) for role, each in sends.items()},
        activity=Activity(3, 14, 42, 30, 1, 0, 0),
        sizes={role: ListSize(count + 10, count) for role, count in zip(ALL_LISTS, mailable, strict=True)},
        sizes_at=datetime(2026, 11, 16, 10, tzinfo=UTC),
    )


def test_the_pairs_that_this_looks_for_are_found() -> None:
    found = told_twice({"4.10", "4.1", "3.09", "3.1", "5.4", "5", "20", "20.0"})
    assert found == {frozenset(("4.1", "4.10")), frozenset(("3.1", "3.09")), frozenset(("20", "20.0"))}
    assert forms(SlackMessage("4.10 % (3.09 to 5.43 %), 10.9%", [])) == {"4.10", "3.09", "5.43", "10.9"}


def test_a_weekly_message_tells_every_percentage_in_one_form() -> None:
    monday = date(2026, 11, 16)
    before = week(
        monday - timedelta(days=7),
        {ListRole.CAMPAIGN_1: SendFigures(1, 1_150, 21, 7, 1_122)},
        3_600,
        1_150,
        1_150,
        1_148,
        120,
    )
    now = week(monday, SENDS, 3_700, 1_322, 1_147, 1_101, 131)
    assessments = [assessed(role, sends) for role, sends in SENDS.items()]
    issues = issues_of(now, assessments)
    facts = WeekFacts(
        now, assessments, compare(now, before), issues, overall_urgency(assessments, (), issues), WeekLinks(1)
    )
    facts = replace(facts, report=policy_week_report(facts))
    written = forms(weekly_message(facts)) | forms(critical_alert(facts))
    assert {"17.3", "9.3"} <= written
    assert told_twice(written) == set()


def test_a_maintenance_report_tells_every_percentage_in_one_form() -> None:
    facts = MaintenanceFacts(
        status=RunStatus.SUCCESS,
        mode="auto",
        campaign_name="Autumn news",
        round_number=2,
        list_role=ListRole.CAMPAIGN_2,
        sent_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        recipients=4_100,
        links=MaintenanceLinks(17, "autumn-news-r2", "abcdef0123456789"),
        bounces={"hard": 613, "soft": 97, "complaint": 6},
        suppression=SuppressionFacts({"hard_bounce": 613}, {"hard_bounce": 613}),
        lists=[ListChange(role, 12_000, 11_900, 11_880, 11_780) for role in CAMPAIGN_LISTS],
        deviation_before=26.2357,
        deviation_after=7.1463,
        complaint_rate=ComplaintRate(12, 4_100),
        assessments=[assessed(role, sends) for role, sends in SENDS.items()],
        list_rates=[
            ListRates(role, shown_rate(sends.delivery_rate), shown_rate(sends.bounce_rate))
            for role, sends in SENDS.items()
        ],
    )
    facts = replace(facts, report=policy_report(facts))
    written = forms(maintenance_message(facts))
    assert {"17.5", "17.3", "7.1", "26.2", "0.29"} <= written
    assert told_twice(written) == set()
