"""The report of a maintenance: a truthful status, told to people exactly once, whatever Slack does."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.agents.report_from_figures import policy_report, statements_of
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reports.maintenance_report import final_status, notify, write_report
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.runs.run import current, due, unreported
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.sandbox.gemini.behaviours import HOSTILE_SENTENCES
from list_pipeline.storage.database import execute
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly, settings_for
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

JOB = "contact/managemanycontacts$"


def outbox(made: Installation) -> list[tuple[Any, ...]]:
    return made.query(
        "select message_key, state, attempts, last_error from notification where message_key not like '%_details' "
        "order by notification_id"
    )


def test_everything_done_is_success(small: Installation) -> None:
    facts = small.maintain().report.facts
    assert facts.status is RunStatus.SUCCESS
    assert sum(facts.suppression.confirmed.values()) == 4
    assert facts.rebalancing.moves_confirmed == 2
    assert facts.rebalancing.enrolments_confirmed == 1


def test_nothing_to_do_is_success(small: Installation) -> None:
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    small.control.reset_requests()
    facts = small.maintain().report.facts
    assert facts.status is RunStatus.SUCCESS
    assert facts.suppression.planned == {}
    assert small.changing_requests() == {}


def test_some_done_and_some_not_is_partial_success(small: Installation) -> None:
    # Both suppression jobs work, and the three attempts at the first job of the rebalancing do not.
    small.control.add_fault("job_without_effect", path=JOB, method="POST", nth=3, count=3)
    facts = small.maintain().report.facts
    assert facts.status is RunStatus.PARTIAL_SUCCESS
    assert sum(facts.suppression.confirmed.values()) == 4
    assert facts.rebalancing.moves_confirmed < facts.rebalancing.moves_planned


def test_suppressions_that_all_failed_and_nothing_else_to_do_is_failed(small: Installation) -> None:
    small.control.add_fault("job_without_effect", path=JOB, method="POST", count=3)
    facts = small.maintain().report.facts
    assert facts.status is RunStatus.FAILED
    assert sum(facts.suppression.failed.values()) == 4


def test_half_of_the_suppressions_done_is_partial_success(small: Installation) -> None:
    small.control.add_fault("job_half_applied", path=JOB, method="POST", count=1)
    small.control.add_fault("job_without_effect", path=JOB, method="POST", nth=2, count=2)
    facts = small.maintain().report.facts
    assert facts.status is RunStatus.PARTIAL_SUCCESS
    assert sum(facts.suppression.confirmed.values()) == 2
    assert sum(facts.suppression.failed.values()) == 2
    assert small.query("select status from list_maintenance_log") == [("partial_success",)]


def test_nothing_of_several_done_is_failed(small: Installation) -> None:
    small.control.set_switches(jobs_without_effect=True)
    assert small.maintain().report.facts.status is RunStatus.FAILED


def test_a_maintenance_that_never_got_to_a_plan_is_failed(small: Installation) -> None:
    assert final_status(small.services, small.begin()) is RunStatus.FAILED


def test_writing_the_report_again_gives_the_same_report(small: Installation) -> None:
    done = small.maintain()
    again = write_report(small.another(), current(small.services, small.key))
    assert again.message == done.report.message
    assert again.facts == done.report.facts
    assert small.query("select count(*) from agent_record where agent = 'reporting'")[0][0] <= 1


def test_the_message_shows_what_was_done_and_no_address(small: Installation) -> None:
    words = as_text(small.maintain().report.message)
    assert redact_addresses(words) == words
    assert "Contacts Suppressed: 4" in words
    assert "Contacts Rebalanced: 3" in words
    assert small.key in words


def test_a_report_is_told_once_however_often_it_is_asked_for(small: Installation) -> None:
    first = small.maintain()
    assert first.delivery.state == "sent"
    second = small.maintain(small.another(), run_id="second")
    assert second.delivery == first.delivery
    assert len(small.cards()) == 1
    assert small.query("select slack_notification_sent, slack_message_ts from list_maintenance_log") == [
        (True, first.delivery.ts)
    ]


def test_a_message_whose_answer_was_lost_is_told_once(small: Installation) -> None:
    small.control.slack_scenario("lost_answer")
    first = small.maintain()
    second = small.maintain(small.another(), run_id="second")
    assert second.delivery.state == "sent"
    assert len(small.cards()) == 1
    assert first.delivery.key == second.delivery.key


def test_a_message_that_could_not_be_looked_up_is_looked_up_later(small: Installation) -> None:
    small.control.slack_scenario("lost_answer")
    small.control.slack_scenario("server_error", method="conversations.history")
    assert small.maintain().delivery.state == "unknown"
    assert outbox(small)[0][1] == "unknown"
    later = small.maintain(small.another(), run_id="second")
    assert later.delivery.state == "sent"
    assert len(small.cards()) == 1


def test_a_process_that_died_after_posting_does_not_make_the_next_one_post_again(small: Installation) -> None:
    done = small.maintain()
    with small.services.database.begin() as connection:
        # Nothing of the product forgets that a message arrived; a process that died right after posting never knew.
        connection.exec_driver_sql("alter table notification disable trigger refuse_illegal_step")
        connection.exec_driver_sql("update notification set state = 'pending', sent_at = null, message_ts = null")
    again = notify(small.another(), current(small.services, small.key), done.report)
    assert (again.state, again.ts) == ("sent", done.delivery.ts)
    assert len(small.cards()) == 1


def test_without_a_token_the_report_stays_in_the_database(install_small: Install) -> None:
    with install_small(slack_bot_token=None) as made:
        done = made.maintain()
        assert done.report.facts.status is RunStatus.SUCCESS
        assert done.delivery.state == "skipped"
        assert done.delivery.error is not None
        assert "SLACK_BOT_TOKEN" in done.delivery.error
        assert outbox(made)[0][1:3] == ("skipped", 0)
        assert made.cards() == []


@pytest.mark.parametrize("kind", ["error", "rate_limited"])
def test_slack_being_down_fails_nothing_and_the_message_is_sent_later(small: Installation, kind: str) -> None:
    parts = {"error": "channel_not_found"} if kind == "error" else {"retry_after": 3600}
    small.control.slack_scenario(kind, times=1, **parts)
    done = small.maintain()
    assert done.report.facts.status is RunStatus.SUCCESS
    assert done.delivery.state == "failed"
    assert small.query("select slack_notification_sent from list_maintenance_log") == [(False,)]
    assert small.cards() == []
    later = small.maintain(small.another(), run_id="second")
    assert later.delivery.state == "sent"
    assert len(small.cards()) == 1
    assert outbox(small) == [(later.delivery.key, "sent", 2, None)]


def test_a_report_that_slack_refused_is_asked_for_again_until_it_arrived(small: Installation) -> None:
    small.control.slack_scenario("error", times=2, error="channel_not_found")
    assert small.maintain().delivery.state == "failed"
    keys = []
    for minutes in (0, 10, 60, 120):
        (one,) = unreported(small.services)
        assert one.campaign_key == small.key
        keys.append(one.run_key)
        small.clock.advance(timedelta(minutes=minutes))
    # Dagster uses a run key up even by a run that failed: each turn has one of its own.
    (one,) = unreported(small.services)
    assert len({*keys, one.run_key}) == 4
    assert small.maintain(small.another(), run_id="second").delivery.state == "failed"
    assert [again.campaign_key for again in unreported(small.services)] == [small.key]
    assert small.maintain(small.another(), run_id="third").delivery.state == "sent"
    assert unreported(small.services) == []


@pytest.mark.parametrize("decision", ["approve", "reject", "expire"])
def test_once_a_person_decided_nothing_is_reported_until_the_maintenance_went_on(
    install_small: Install, decision: str
) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        if decision == "approve":
            reviews.approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        else:
            getattr(reviews, decision)(made.services, plan.plan_id, by="ada")
        told = len(made.cards())
        # The sensor of reports looks more often than the one that lets a campaign go on.
        assert unreported(made.services) == []
        # A report that was on its way already, or the step of the run that had to wait, ends nothing and tells nobody.
        run = current(made.services, made.key)
        delivery = notify(made.services, run, workflow.write_report_and_states(made.services, run))
        assert delivery.state == "skipped"
        assert len(made.cards()) == told
        assert made.query("select attempt, status from list_maintenance_log") == [(1, "pending_review")]
        (one,) = due(made.services)
        assert one.run_key.endswith(f":plan-{plan.plan_id}")
        made.maintain(run_id="second")
        # The same attempt goes on to the rebalancing, which has something to do only where somebody was suppressed.
        ended = "pending_review" if decision == "approve" else "rejected"
        assert made.query("select attempt, status from list_maintenance_log") == [(1, ended)]
        waits = made.plan(PlanKind.REBALANCING).status is PlanStatus.PENDING_REVIEW
        assert waits == (decision == "approve")


def test_a_quarantine_that_waits_for_a_person_leaves_a_reported_maintenance_reported(install_small: Install) -> None:
    with install_small() as made:
        made.maintain()
        assert unreported(made.services) == []
        with made.services.database.begin() as connection:
            execute(
                connection,
                """insert into plan (campaign_id, kind, sweep, revision, content_hash, policy_version, status, summary, gate,
                          created_at)
                   select campaign_id, 'quarantine', sweep, 9, repeat('f', 64), policy_version, 'pending_review',
                          '{"words": "Contacts kept from mail"}', '{}', created_at
                   from plan where kind = 'suppression'""",
            )
        for _ in range(3):
            assert unreported(made.services) == []
            made.clock.advance(timedelta(hours=1))


def test_a_second_plan_that_waits_is_a_message_of_its_own(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        told = []
        for run_id, kind in (("first", PlanKind.SUPPRESSION), ("second", PlanKind.REBALANCING)):
            done = made.maintain(run_id=run_id)
            plan = made.plan(kind)
            assert done.delivery.key.endswith(f":pending_review:{plan.plan_id}")
            assert unreported(made.services) == []
            told.append(done.delivery.key)
            reviews.approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        asked, approved, asked_again, approved_again = made.cards()
        assert len(set(told)) == 2
        assert "list-pipeline approve" in str(asked["blocks"])
        assert {message["thread_ts"] for message in (approved, asked_again, approved_again)} == {asked["ts"]}


def test_a_wrong_channel_is_named_and_fails_nothing(install_small: Install) -> None:
    with install_small(slack_channel_id="C0NOWHERE") as made:
        done = made.maintain()
        assert done.report.facts.status is RunStatus.SUCCESS
        assert done.delivery.state == "failed"
        assert "SLACK_CHANNEL_ID" in str(done.delivery.error)


def test_waiting_and_having_finished_are_two_messages(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        assert made.query("select status from list_maintenance_log") == [("pending_review",)]
        plan = made.plan(PlanKind.SUPPRESSION)
        reviews.approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        made.maintain(made.another(list_management_mode="auto"), run_id="second")
        assert [row[1] for row in outbox(made)] == ["sent", "sent", "sent"]
        assert made.query("select status from list_maintenance_log") == [("success",)]
        first, approved, second = made.cards()
        assert first["text"] != second["text"]
        assert "ada" in approved["text"]
        assert approved["thread_ts"] == second["thread_ts"] == first["ts"]


def test_the_opinions_of_a_model_are_in_the_report_and_kept(small: Installation) -> None:
    with_model = small.another(gemini_api_key="k", gemini_base_url=small.server.url)
    done = small.maintain(with_model)
    assert done.report.facts.status is RunStatus.SUCCESS
    kept = small.query("select agent, source, prompt, answer from agent_record order by record_id")
    assert {row[1] for row in kept} <= {"model", "policy"}
    assert kept
    for _, _, prompt, answer in kept:
        assert redact_addresses(f"{prompt} {answer}") == f"{prompt} {answer}"


def test_a_model_that_is_down_changes_nothing_that_is_done(small: Installation) -> None:
    with_model = small.another(gemini_api_key="k", gemini_base_url=small.server.url + "/nowhere")
    assert small.maintain(with_model).report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*HARD))
    assert {row[0] for row in small.query("select source from agent_record")} == {"policy"}


def test_no_secret_and_no_address_is_logged(small: Installation) -> None:
    small.control.add_fault("job_error", path=JOB, method="POST")
    small.maintain()
    logged = json.dumps(small.logs, default=repr)
    assert len(small.logs) > 20
    assert redact_addresses(logged) == logged
    settings = settings_for(small.server, small.account.lists, small.database_url)
    assert settings.secret("mailjet_secret_key") not in logged
    assert settings.secret("slack_bot_token") not in logged


def test_the_numbers_in_the_report_are_those_of_the_journal(seeded: Installation) -> None:
    facts = seeded.maintain().report.facts
    confirmed = seeded.query(
        "select i.reason, count(*) from change c join plan_item i using (plan_id, contact_id) where c.kind = 'suppress'"
        " and 3 = (select count(*) from change_step s where s.change_id = c.change_id and s.state = 'confirmed')"
        " and not exists (select 1 from change_step s where s.change_id = c.change_id and s.state <> 'confirmed'"
        " and (s.action <> 'remove' or s.note is distinct from 'not_a_member'))"
        " group by 1"
    )
    assert dict(confirmed) == dict(facts.suppression.confirmed)
    assert facts.suppression.held_for_review == len(seeded.control.answers()["suppress"]) + len(
        seeded.control.answers()["incident_domain"]
    ) - sum(facts.suppression.confirmed.values())
    assert seeded.plan(PlanKind.SUPPRESSION).suppression_summary.recipients == facts.recipients


def with_model(made: Installation) -> Services:
    return made.another(gemini_api_key="k", gemini_base_url=made.server.url)


def opinions_of(made: Installation) -> Any:
    return made.query("select ai_assessments from list_maintenance_log order by id desc limit 1")[0][0]


def test_the_ledger_holds_what_every_advisor_said_and_how_it_came_about(small: Installation) -> None:
    report = small.maintain(with_model(small)).report.facts.report
    assert report is not None

    kept = opinions_of(small)

    assert [each["list"] for each in kept["list_health"]] == ["campaign_1", "campaign_2", "campaign_3"]
    assert {each["status"] for each in kept["list_health"]} <= {"healthy", "warning", "critical"}
    for stage in ("optimization", "rebalancing"):
        assert kept[stage]["rationale"]
        assert kept[stage]["advised_by"] in ("model", "policy")
    said = kept["reporting"]
    assert said["source"] == report.source == AdviceSource.MODEL
    fields = ("executive_summary", "key_metrics", "actions_taken", "recommendations", "concerns", "next_steps")
    assert set(fields) <= said.keys()
    assert {"outcome", "verdict", "model", "tokens", "cost_usd", "latency_ms"} <= said["advice"].keys()
    assert said["advice"]["tokens"]["prompt"] > 0


def test_the_reports_question_holds_no_name_of_the_campaign_and_its_answer_no_confidence(small: Installation) -> None:
    done = small.maintain(with_model(small))
    ((prompt, confidence),) = small.query("select prompt, confidence from agent_record where agent = 'reporting'")
    assert done.report.facts.campaign_name not in prompt
    assert small.key not in prompt
    assert confidence is None


def test_the_health_of_the_three_lists_is_in_the_message(small: Installation) -> None:
    words = as_text(small.maintain().report.message)
    assert "Health of the lists" in words
    for number in (1, 2, 3):
        assert re.search(rf"[🟢🟡🔴] List {number} (healthy|warning|critical)", words)


@pytest.mark.parametrize(
    "behaviour", ["hostile", "text_in_ids", "false_statements", "other_language", "truncated", "unavailable"]
)
def test_whatever_the_model_answers_about_the_results_the_report_is_whole_and_true(
    small: Installation, behaviour: str
) -> None:
    small.control.gemini_behaviour(behaviour, times=None, agent="reporting")
    facts = small.maintain(with_model(small)).report.facts
    assert facts.status is RunStatus.SUCCESS
    assert facts.report is not None
    assert facts.report.executive_summary
    assert facts.report.key_metrics
    told = (facts.report.executive_summary, *facts.report.concerns, *facts.report.recommendations)
    assert left_over(told, (each.text for each in statements_of(facts).statements)) == []
    if behaviour in ("other_language", "truncated", "unavailable"):
        assert facts.report == policy_report(facts)


@pytest.mark.parametrize("behaviour", ["hostile", "text_in_ids"])
def test_no_sentence_of_a_model_is_kept_or_sent_but_in_the_record_of_its_answer(
    small: Installation, behaviour: str
) -> None:
    small.control.gemini_behaviour(behaviour, times=None)
    message = as_text(small.maintain(with_model(small)).report.message)
    tables = [name for (name,) in small.query("select tablename from pg_tables where schemaname = current_schema()")]

    assert "agent_record" in tables
    assert HOSTILE_SENTENCES[0] in str(small.query("select answer from agent_record"))
    for table in tables:
        kept = str(small.query(f"select cast(to_jsonb(t) - 'answer' as text) from {table} t"))
        assert [said for said in HOSTILE_SENTENCES if said in kept] == [], table
    assert not [said for said in HOSTILE_SENTENCES if said in message]


def test_what_was_chosen_first_is_kept_whether_the_model_is_there_or_not(small: Installation) -> None:
    first = small.maintain(with_model(small)).report
    again = write_report(small.another(), current(small.services, small.key))
    assert again.facts == first.facts
    assert again.message == first.message
    assert small.query("select count(*) from agent_record where agent = 'reporting'") == [(1,)]


def test_a_second_plan_that_waits_is_reported_with_the_results_of_then(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        waiting = made.maintain(run_id="first").report.facts
        plan = made.plan(PlanKind.SUPPRESSION)
        reviews.approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        done = made.maintain(run_id="second").report.facts
    assert waiting.status is done.status is RunStatus.PENDING_REVIEW
    assert waiting.report is not None
    assert done.report is not None
    assert "4 contacts would be suppressed" in waiting.report.executive_summary
    assert waiting.report.actions_taken == ()
    assert "4 contacts were suppressed" in done.report.executive_summary
    assert waiting.rebalancing.not_begun == "Planned after the decision, on the lists as they are then."
