"""Who waits for a decision, what was decided, what lapsed and what was done late: told in the thread of the campaign."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.operations.plans import undo
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import PLAN, approve_question, carry_out, hold

pytestmark = pytest.mark.long

LINKS = {"dagster_url": "http://127.0.0.1:3000", "app_url": "https://app.example.com"}


def _told(made: Installation) -> list[str]:
    """Messages as people read them, oldest first; all of them in the thread of the first."""
    first, *later = made.cards()
    assert all(message["thread_ts"] == first["ts"] for message in later)
    return [as_text(SlackMessage(message["text"], message["blocks"])) for message in (first, *later)]


def test_a_plan_that_nobody_decides_on_is_told_when_it_waits_and_when_it_lapses(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", **LINKS) as made:
        made.maintain()
        made.clock.advance(timedelta(hours=73))
        (lapsed,) = reviews.expire_overdue(made.services)
        assert reviews.expire_overdue(made.services) == []

        plan = made.plan(PLAN)
        waits, expired = _told(made)
        assert lapsed.plan_id == plan.plan_id
        assert f"list-pipeline approve {plan.plan_id} {plan.content_hash[:12]} --by NAME" in waits
        assert "lapses after 72 hours" in waits
        assert f"Expired: suppression plan {plan.plan_id}" in expired
        assert "judged anew" in expired
        assert f"Look at the plan: https://app.example.com/admin/plans/{plan.plan_id}" in expired
        for told in (waits, expired):
            assert "View Details: https://app.example.com/admin/list-management/1" in told
            assert "http://127.0.0.1:3000/runs/first" in told
            assert f"http://127.0.0.1:3000/assets/maintenance_report?partition={made.key}" in told
        assert made.query("select distinct is_important from notification where message_key not like '%_details'") == [
            (True,)
        ]


def test_without_bases_no_message_has_a_link(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        reviews.reject(made.services, made.plan(PLAN).plan_id, by="ada", note="not now, see https://example.com")

        shown = "".join(_told(made))
        assert "Note: not now" in shown
        assert "undefined" not in shown
        assert "<http" not in str(made.cards())


def test_what_was_approved_one_by_one_and_an_undo_are_told_below_the_report(install_small: Install) -> None:
    with install_small() as made:
        hold(made, *HARD[:2])
        made.maintain()
        approve_question(made, "incident")
        carry_out(made)
        carry_out(made)
        undo.undo_maintenance(made.services, made.key, by="ada", progress=quietly)

        report, late, *undone = _told(made)
        assert "One question about 2 contacts: list-pipeline reviews lists it." in report.replace("`", "")
        assert "one question of suppression plan" in late
        assert "4 changes" in late
        assert undone
        assert all("undone" in told for told in undone)
