"""What the maintenance message says, for every outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.health.figures import BounceTrend, SizeTrend, shown_rate
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import SlackMessage, problems
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.card import WAITING
from list_pipeline.core.reports.facts import ListRates, RebalancingForecast, TakenBackFacts, Trend
from list_pipeline.core.reports.message import (
    AttemptFacts,
    ExecutiveReport,
    KeyMetric,
    ListChange,
    MaintenanceFacts,
    MaintenanceLinks,
    RebalancingFacts,
    SenderFault,
    StageErrors,
    Standing,
    SuppressionFacts,
    as_text,
    maintenance_message,
    maintenance_report,
)
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.sender_faults.listing import FaultTrend
from list_pipeline.core.wording import Rate, rate_text
from list_pipeline.sandbox.slack.limits import block_errors, blocks_too_long


def assessment(role: ListRole, status: HealthStatus, urgency: Urgency) -> HealthAssessment:
    return HealthAssessment(role, status, urgency, (), (), "Impact.", "Rationale.", None, AdviceSource.POLICY)


FACTS = MaintenanceFacts(
    status=RunStatus.SUCCESS,
    mode="auto",
    campaign_name="Autumn news",
    round_number=2,
    list_role=ListRole.CAMPAIGN_2,
    sent_at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
    recipients=12_000,
    links=MaintenanceLinks(
        17, "autumn-news-r2", "abcdef0123456789", "https://app.example.com", "https://dag.example.com/r"
    ),
    bounces={"hard": 1_241, "soft": 60, "complaint": 4},
    suppression=SuppressionFacts({"hard_bounce": 1_241, "complaint": 4}, {"hard_bounce": 1_241, "complaint": 4}),
    rebalancing=RebalancingFacts(10, 10, 5, 5, 7, "10 moves are the fewest."),
    sender_faults=[SenderFault("policy_issue", 33, "Check SPF and DKIM"), SenderFault("system_issue", 0)],
    not_evidence=5,
    unknown=2,
    lists=[ListChange(role, 12_000, 11_900, 11_880, 11_780) for role in CAMPAIGN_LISTS],
    deviation_before=6.24,
    deviation_after=1.9,
    mailjet_requests=41,
    complaint_rate=ComplaintRate(4, 12_000),
    report=ExecutiveReport(
        "All is well.",
        key_metrics=[
            KeyMetric("contacts_suppressed", "Contacts Suppressed", "1,245"),
            KeyMetric("largest_deviation", "Largest Distance From the Average", "1.9 %", Trend.DOWN),
            KeyMetric("complaint_rate", "Complaint Rate", "0.03 %"),
        ],
        concerns=["List 2 loses many contacts."],
        recommendations=["Check SPF.", "Check DKIM.", "Check DMARC.", "Check all."],
        next_steps=["Look again before the next campaign."],
        source=AdviceSource.MODEL,
    ),
    assessments=[
        assessment(ListRole.CAMPAIGN_1, HealthStatus.HEALTHY, Urgency.LOW),
        assessment(ListRole.CAMPAIGN_2, HealthStatus.CRITICAL, Urgency.HIGH),
        assessment(ListRole.CAMPAIGN_3, HealthStatus.WARNING, Urgency.MEDIUM),
    ],
    list_rates=[
        ListRates(ListRole.CAMPAIGN_1, shown_rate(Rate(980, 1_000)), shown_rate(Rate(20, 1_000)), BounceTrend.STABLE),
        ListRates(
            ListRole.CAMPAIGN_2,
            shown_rate(Rate(758, 1_000)),
            shown_rate(Rate(242, 1_000)),
            BounceTrend.STABLE,
            SizeTrend.SHRINKING,
        ),
        ListRates(ListRole.CAMPAIGN_3, bounce_trend=BounceTrend.STABLE),
    ],
)


def shown(facts: MaintenanceFacts) -> str:
    """The card and its details as one text."""
    return as_text(maintenance_message(facts))


def card_of(facts: MaintenanceFacts) -> str:
    """The card alone."""
    return as_text(maintenance_message(facts)._replace(details=None))


def details_of(facts: MaintenanceFacts) -> SlackMessage:
    found = maintenance_message(facts).details
    assert found is not None
    return found


def test_a_complete_run_has_the_specified_parts_in_order() -> None:
    text = shown(FACTS)

    parts = [
        "🔄 Post-Campaign List Maintenance Complete",
        "Autumn news, round 2 to List 2, sent 2026-11-20 09:00 UTC",
        "12,000 recipients, 1,305 not delivered or complained (10.9 %)",
        "Contacts Suppressed: 1,245",
        "Contacts Rebalanced: 15",
        "⚠️ List 2 loses many contacts.",
        "Maintenance log 17 · View Details: https://app.example.com/admin/list-management/17",
        "Dagster run: https://dag.example.com/r",
        "Details: Autumn news, round 2",
        "AI Assessment\nAll is well.\nWritten from the figures. The AI model chose which of these sentences come first",
        "What needs attention\nConcerns\n• List 2 loses many contacts.\nRecommendations\n• Check SPF.",
        "Next steps\n• Look again before the next campaign.",
        "address does not exist: 1,241 suppressed",
        "policy issue: 33 refused. Check SPF and DKIM",
        "List 1: 11,900 → 11,780 can be mailed (all entries: 12,000 → 11,880)",
        "6.2 % → 1.9 %",
        "7 moves wait until this cycle",
        "10 moves are the fewest.",
        "🟢 List 1 healthy: delivered 98 %",
        "41 requests to Mailjet",
        "why a contact is where it is: `list-pipeline why CONTACT`",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "system issue" not in text
    assert "without the AI model" not in text


def figures_in(message: SlackMessage) -> list[str]:
    return [field["text"] for block in message.blocks for field in block.get("fields", ())]


def test_the_card_has_what_was_done_and_the_details_the_figures_that_the_report_chose() -> None:
    assert figures_in(maintenance_message(FACTS)) == ["*Contacts Suppressed*\n1,245", "*Contacts Rebalanced*\n15"]
    chosen = ["*Largest Distance From the Average*\n1.9 % ↓", "*Complaint Rate*\n0.03 % (0.01 to 0.08 %)"]
    assert figures_in(details_of(FACTS)) == chosen
    assert figures_in(details_of(replace(FACTS, report=None))) == []


@pytest.mark.parametrize("status", RunStatus)
def test_a_card_is_no_longer_than_a_phone_shows(status: RunStatus) -> None:
    facts = replace(
        FACTS,
        status=status,
        review_reason="12 % is over the cap of 10 %",
        suppression=SuppressionFacts({"hard_bounce": 12}, {"hard_bounce": 8}, {"hard_bounce": 2}, 3),
        complaint_rate=ComplaintRate(60, 12_000),
    )
    lines = [line for line in card_of(facts).splitlines() if line.strip("=- ")]
    # Beside these, six say how a plan that waits is decided.
    assert len(lines) <= 11


def test_of_a_past_campaign_the_card_is_all() -> None:
    past = replace(FACTS, judged_as_of=datetime(2026, 10, 1, tzinfo=UTC))
    assert maintenance_message(past).details is None
    assert card_of(past).startswith("🗄️ Past Campaign Looked At")
    assert "A past campaign, judged by what was known at 2026-10-01 00:00 UTC" in card_of(past)


def test_a_card_promises_below_it_what_stands_there() -> None:
    report = ExecutiveReport("All is well.", concerns=[f"Concern {number}." for number in range(1, 6)])
    facts = replace(FACTS, report=report)
    assert "⚠️ Concern 1. (2 further concerns below)" in card_of(facts)
    below = as_text(details_of(facts))
    assert "Concern 3." in below
    assert "Concern 4." not in below
    past = replace(facts, judged_as_of=datetime(2026, 10, 1, tzinfo=UTC), status=RunStatus.SUCCESS)
    assert "⚠️ Concern 1.\n" in card_of(past)


def test_failures_that_one_source_alone_knows_are_named_beside_those_that_were_found() -> None:
    facts = replace(FACTS, bounces={"unknown": 1, "complaint": 1}, unknown=3, contradictions=2)
    text = shown(facts)
    assert "Failures found: 1 complained, 1 unclear" in text
    assert "• 3 failed for an unclear reason, 2 of them by one of Mailjet's two sources alone; they stay" in text
    assert "• 1 failed for an unclear reason; they stay" in shown(replace(facts, unknown=1, contradictions=0))


def test_rates_of_a_list_have_the_interval_of_its_assessment() -> None:
    rates = [ListRates(ListRole.CAMPAIGN_1, *(shown_rate(Rate(n, 1_000, design_effect=4)) for n in (980, 20)))]
    text = shown(replace(FACTS, list_rates=rates))
    assert f"delivered {rate_text(Rate(980, 1_000, 4))}, bounced {rate_text(Rate(20, 1_000, 4))}" in text


def test_each_list_has_a_line_on_its_health_with_the_interval_of_its_rates() -> None:
    text = shown(FACTS)

    assert (
        "🟢 List 1 healthy: delivered 98 % (96.9 to 98.7 %), bounced 2 % (1.3 to 3.1 %) of its last campaign\n" in text
    )
    assert "🔴 List 2 critical, urgency high: delivered 75.8 % (73.0 to 78.4 %)" in text
    assert "of its last campaign; shrinking\n" in text
    assert "🟡 List 3 warning, urgency medium: no campaign of it was read yet\n" in text
    assert "Bounces of all three lists together stay as they were." in text
    assert "Health of the lists" not in shown(replace(FACTS, assessments=[]))


def test_a_trend_that_cannot_be_told_is_not_spoken_of() -> None:
    unknown = [replace(each, bounce_trend=BounceTrend.UNKNOWN) for each in FACTS.list_rates]
    assert "all three lists together" not in shown(replace(FACTS, list_rates=unknown))


def test_the_message_shows_three_entries_of_each_list_at_most() -> None:
    assert "Check DMARC." in shown(FACTS)
    assert "Check all." not in shown(FACTS)


def test_the_concerns_that_the_card_counts_as_further_ones_are_shown_or_counted_in_the_details() -> None:
    concerns = [f"Concern {number}." for number in range(5)]
    facts = replace(FACTS, report=ExecutiveReport("Look.", concerns=concerns))
    assert "2 further concerns below" in shown(facts)
    assert [concern in shown(facts) for concern in concerns] == [True, True, True, False, False]
    assert "2 more in the report" in shown(facts)


def test_where_there_is_nothing_to_say_there_is_no_section_for_it() -> None:
    assert "What needs attention" not in shown(replace(FACTS, report=ExecutiveReport("All is well.")))
    assert "What needs attention" not in shown(replace(FACTS, report=None))


@pytest.mark.parametrize("source", AdviceSource)
def test_it_says_whether_a_model_chose_among_the_sentences(source: AdviceSource) -> None:
    facts = replace(FACTS, report=ExecutiveReport("All is well.", concerns=["Look."], source=source))

    chose = source is AdviceSource.MODEL
    assert ("The AI model chose which of these sentences come first; it decided nothing." in shown(facts)) is chose
    assert ("Written from the figures, without the AI model." in shown(facts)) is not chose


@pytest.mark.parametrize(
    ("status", "attempt"),
    [
        (RunStatus.PENDING_REVIEW, None),
        (RunStatus.FAILED, AttemptFacts(1, 3, datetime(2026, 11, 20, 10, tzinfo=UTC))),
    ],
)
def test_a_next_step_that_has_a_section_of_its_own_is_not_told_twice(
    status: RunStatus, attempt: AttemptFacts | None
) -> None:
    own = ExecutiveReport("Look.", next_steps=["Wait for it."])
    assert "Wait for it." not in shown(replace(FACTS, status=status, attempt=attempt, report=own))
    assert "Wait for it." in shown(replace(FACTS, report=own))


def test_partial_suppression_shows_executed_over_planned() -> None:
    facts = replace(
        FACTS,
        status=RunStatus.PARTIAL_SUCCESS,
        suppression=SuppressionFacts({"hard_bounce": 245}, {"hard_bounce": 200}, {"hard_bounce": 45}),
    )

    text = shown(facts)

    assert text.startswith("⚠️ Partial suppression\n")
    assert "Contacts Suppressed: 200/245" in text
    assert "200 of 245 suppressed, 45 failed and wait for a person to look at" in text


def test_a_partial_rebalancing_is_not_called_a_partial_suppression() -> None:
    facts = replace(FACTS, status=RunStatus.PARTIAL_SUCCESS, rebalancing=RebalancingFacts(10, 8))

    assert shown(facts).startswith("⚠️ Post-Campaign List Maintenance Partly Complete\n")
    assert "Contacts Rebalanced: 8/10" in shown(facts)


@pytest.mark.parametrize(
    ("status", "title"),
    [(RunStatus.PENDING_REVIEW, "Waits for a Person"), (RunStatus.READ_ONLY, "Nothing Was Changed")],
)
def test_what_a_plan_would_do_is_told_in_the_conditional_everywhere(status: RunStatus, title: str) -> None:
    facts = replace(
        FACTS,
        status=status,
        suppression=SuppressionFacts({"hard_bounce": 12, "complaint": 5}, standing=Standing.WOULD),
        rebalancing=RebalancingFacts(3, 0, 1, standing=Standing.WOULD),
    )

    text = shown(facts)

    assert title in text.splitlines()[0]
    assert "Would Be Suppressed: 17\nWould Change or Join a List: 4\n" in text
    assert "address does not exist: 12 would be suppressed" in text
    assert "complained about spam: 5 would be suppressed" in text
    assert "• 3 would be moved between lists\n• 1 would be added from the master list" in text
    assert (
        "the next rounds would no longer mail 17 contacts: 12 that cannot be reached, 5 who complained about spam."
        in text
    )
    for done in ("Contacts Suppressed", "Contacts Rebalanced", "0 of", " suppressed\n• ", "(12 planned)"):
        assert done not in text.replace("be suppressed", "")


def test_what_would_follow_on_suppressions_that_wait_is_told_with_them() -> None:
    facts = replace(
        FACTS,
        status=RunStatus.READ_ONLY,
        suppression=SuppressionFacts({"hard_bounce": 53}, standing=Standing.WOULD),
        rebalancing=RebalancingFacts(forecast=RebalancingForecast(40, 18), not_begun="Planned after the decision."),
    )
    text = shown(facts)
    assert "Would Be Suppressed: 53\nWould Then Change or Join a List: 58\n" in text
    assert "• on the lists as they are now, 40 would then be moved and 18 added from the master list\n" in text
    assert "No contact had to change lists" not in text


def test_complaints_that_ran_at_once_are_told_apart_from_what_waits() -> None:
    waits = SuppressionFacts({"hard_bounce": 12, "complaint": 5}, {"complaint": 5}, standing=Standing.WOULD)
    text = shown(replace(FACTS, status=RunStatus.PENDING_REVIEW, suppression=waits))
    assert "Contacts Suppressed: 5 at once, 12 more would be\n" in text
    assert "• complained about spam: 5 suppressed\n" in text


@pytest.mark.parametrize("standing", [Standing.REJECTED, Standing.LAPSED])
def test_of_a_plan_that_was_turned_down_nothing_is_told_as_done_or_to_come(standing: Standing) -> None:
    facts = replace(
        FACTS,
        status=RunStatus.REJECTED,
        suppression=SuppressionFacts({"hard_bounce": 12}, standing=standing),
        rebalancing=RebalancingFacts(3, standing=standing),
    )
    text = shown(facts)
    assert ("Plan Rejected" in text.splitlines()[0]) == (standing is Standing.REJECTED)
    assert ("Nobody Decided" in text.splitlines()[0]) == (standing is Standing.LAPSED)
    assert "Contacts Suppressed: 0 (12 left out)\nContacts Rebalanced: 0 (3 left out)\n" in text
    assert "address does not exist: 12 left out" in text
    assert "would" not in text
    assert "Expected effect" not in text


def test_after_an_undo_the_message_says_what_stands_and_why_and_promises_no_effect() -> None:
    undone = TakenBackFacts(10, {"unsubscribed": 2}, by_person=True)
    text = card_of(replace(FACTS, status=RunStatus.PARTLY_ROLLED_BACK, taken_back=undone))
    assert "10 changes taken back, 2 left as they are." in text
    assert "• 2: unsubscribed: nobody but the contact can undo that" in text
    assert "Expected effect" not in shown(replace(FACTS, taken_back=undone))


def test_a_frozen_list_is_said_to_have_kept_contacts_and_nothing_is_said_where_none_did() -> None:
    frozen = "stay where they were, because one of their lists is frozen for rebalancing"
    assert frozen not in shown(FACTS)
    told = shown(replace(FACTS, rebalancing=RebalancingFacts(10, 0, list_frozen=1_204)))
    assert f"1,204 {frozen}" in told
    assert "list-pipeline mass-changes" in told


def test_a_waiting_plan_says_why_on_its_card() -> None:
    waits = replace(FACTS, status=RunStatus.PENDING_REVIEW, review_reason="12 % is over the cap of 10 %")

    assert "Why it waits: 12 % is over the cap of 10 %" in card_of(waits)
    assert any(block.get("text", {}).get("text", "").startswith(WAITING) for block in maintenance_message(waits).blocks)
    assert "Why it waits" not in shown(FACTS)


def test_a_failed_run_names_stages_and_counts() -> None:
    facts = replace(FACTS, status=RunStatus.FAILED, errors=[StageErrors("suppression", 3), StageErrors("report", 0)])

    text = shown(facts)

    assert "Failed" in text.splitlines()[0]
    assert "• suppression: 3" in text
    assert "• report" not in text


def test_without_app_url_and_run_url_there_are_no_links() -> None:
    text = shown(replace(FACTS, links=MaintenanceLinks(17, "autumn-news-r2", "abcdef0123456789")))

    assert "View Details" not in text
    assert "undefined" not in text
    assert "None" not in text
    assert "Maintenance log 17 · run abcdef01" in text


def test_nothing_found_is_said_plainly() -> None:
    facts = MaintenanceFacts(
        status=RunStatus.SUCCESS,
        mode="auto",
        campaign_name="Quiet",
        round_number=1,
        list_role=ListRole.CAMPAIGN_1,
        sent_at=None,
        recipients=0,
        links=MaintenanceLinks(1, "quiet-r1"),
    )

    text = shown(facts)

    assert "Contacts Suppressed: 0\nContacts Rebalanced: 0" in text
    assert "Nobody has to be suppressed." in text
    assert "No contact had to change lists." in text


def test_sizes_that_were_not_read_are_not_invented() -> None:
    facts = replace(FACTS, lists=[ListChange(ListRole.CAMPAIGN_1, 10, 9)], deviation_after=None)

    assert "List 1: 9 can be mailed (all entries: 10), not read again\n" in shown(facts)
    assert "Largest distance from the average: 6.2 %\n" in shown(facts)


def test_of_the_suppression_list_only_its_length_is_told() -> None:
    facts = replace(FACTS, lists=[ListChange(ListRole.SUPPRESSION, 100, 0, 104, 0)])

    assert "• Suppression list: 100 → 104 entries\n" in shown(facts)


@pytest.mark.parametrize(
    ("complaints", "recipients", "remark"),
    [
        (4, 12_000, "Complaint rate 0.03 % (0.01 to 0.08 %)\n"),
        (1, 333, "Complaint rate 0.30 % (0.02 to 1.42 %): cannot tell yet whether that is below the target of 0.1 %"),
        (24, 12_000, "above the target of 0.1 %"),
        (60, 12_000, "ALERT, mailbox providers expect less than 0.3 %"),
    ],
)
def test_the_complaint_rate_is_judged_by_its_bounds(complaints: int, recipients: int, remark: str) -> None:
    assert remark in shown(replace(FACTS, complaint_rate=ComplaintRate(complaints, recipients)))


NASTY = st.text(alphabet=st.one_of(st.sampled_from('<>&!@#|*_`"\\{}:/ \n'), st.characters()), max_size=3_000)


@settings(max_examples=60)
@given(NASTY, NASTY, NASTY, st.dictionaries(NASTY, st.integers(0, 10**7), max_size=30), st.sampled_from(RunStatus))
def test_whatever_strangers_write_the_message_is_taken_and_mentions_nobody(
    name: str, summary: str, advice: str, counts: dict[str, int], status: RunStatus
) -> None:
    facts = replace(
        FACTS,
        status=status,
        campaign_name=name,
        report=ExecutiveReport(
            summary + "<!channel>",
            key_metrics=[KeyMetric("x", summary, advice)],
            concerns=[summary] * 5,
            recommendations=[advice + "<@U1>"] * 5,
            next_steps=[name] * 5,
            source=AdviceSource.MODEL,
        ),
        review_reason=advice,
        next_campaign=name,
        bounces=counts,
        suppression=SuppressionFacts(counts, counts, {}, 3),
        sender_faults=[SenderFault(reason[:40], count, advice) for reason, count in counts.items()],
        rebalancing=RebalancingFacts(1, 1, 1, 1, 1, summary),
        errors=[StageErrors(reason, count) for reason, count in counts.items()],
    )

    for text, blocks, _ in (maintenance_message(facts), details_of(facts)):
        assert problems(text, blocks) == ()
        assert block_errors(blocks) == []
        assert not blocks_too_long(blocks)
        # Plain text, as in a header, is never parsed.
        parsed = str([block for block in blocks if block["type"] != "header"])
        for mention in ("<!", "<@", "<#"):
            assert mention not in text + parsed


def test_the_largest_message_that_words_can_make_stays_below_the_limit() -> None:
    # Quotes and backslashes count double where blocks are written as JSON.
    worst = '"\\&<' * 2_000
    facts = replace(
        FACTS,
        status=RunStatus.PENDING_REVIEW,
        campaign_name=worst,
        report=ExecutiveReport(
            worst,
            key_metrics=[KeyMetric("x", worst, worst)] * 5,
            concerns=[worst] * 5,
            recommendations=[worst] * 5,
            next_steps=[worst] * 5,
            source=AdviceSource.MODEL,
        ),
        review_reason=worst,
        next_campaign=worst,
        bounces={worst + str(n): 1 for n in range(40)},
        suppression=SuppressionFacts({worst + str(n): 1 for n in range(40)}),
        sender_faults=[SenderFault(worst + str(n), 1, worst, worst, [10**9] * 6, FaultTrend.MORE) for n in range(40)],
        rebalancing=RebalancingFacts(1, 1, 1, 1, 1, worst),
        errors=[StageErrors(worst, 1)] * 40,
    )

    for text, blocks, _ in (maintenance_message(facts), details_of(facts)):
        assert problems(text, blocks) == ()


def test_refusals_are_told_with_who_refuses_and_how_that_changed() -> None:
    faults = [
        SenderFault("policy_issue", 9, "Check SPF", "Google", (0, 0), FaultTrend.NEW),
        SenderFault("sender_blocked", 87, "Ask to be delisted", "Yahoo", (3, 1_234), FaultTrend.MORE),
        SenderFault("content_blocked", 0, "Change the text", "Apple", (40, 30), FaultTrend.GONE),
        SenderFault("system_issue", 0, "", "Free", (1, 0), FaultTrend.LESS),
    ]
    (section,) = (
        one for one in maintenance_report(replace(FACTS, sender_faults=faults)).sections if "repair" in one.title
    )
    assert [str(line) for line in section.lines] == [
        "These contacts did nothing wrong and stay:",
        "• sender blocked at Yahoo: 87 refused, more than before (3, 1,234). Ask to be delisted",
        "• policy issue at Google: 9 refused, new. Check SPF",
        "• content blocked at Apple: gone, it was 40, 30",
    ]


def test_the_report_is_the_same_for_the_same_facts() -> None:
    assert maintenance_report(FACTS) == maintenance_report(FACTS)
