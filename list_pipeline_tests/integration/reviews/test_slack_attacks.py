"""Payloads that no button of ours leads to: forged, huge, of other workspaces. Nothing is decided, nobody is mentioned, the
listener goes on, and no secret is written anywhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.logs import configure_logging
from list_pipeline_tests.integration.desks import ALICE, Desk

HASH = "0123456789abcdef" * 4  # pragma: allowlist secret


@pytest.fixture
def here(slack_desk: Desk) -> Iterator[Desk]:
    """One office for all tests of the module; whatever arrives, it hears the next click."""
    plan, ts = slack_desk.asked()
    yield slack_desk
    assert slack_desk.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW
    (answer,) = slack_desk.press(ts, "approve")
    assert "was approved by *Ada*" in answer


def pressed(action: str, value: Any) -> dict[str, Any]:
    """What is put over a payload so that another button seems to be pressed."""
    return {"actions": [{"type": "button", "action_id": action, "value": value}]}


def test_a_button_that_carries_something_else_decides_nothing_and_is_said_so(here: Desk) -> None:
    _, ts = here.asked()
    for value in (
        "", "plan", "plan.1", f"plan.0.{HASH}", f"plan.-1.{HASH}", f"plan.01.{HASH}", f"plan.1.{HASH}.more",
        f"plan.1.{HASH[:63]}", "<!channel>", "'; drop schema list_pipeline cascade; --", f"plan.1.{HASH.upper()}",
        f"plan.²2.{HASH}", f"plan.99999999999.{HASH}", f"plan.2147483648.{HASH}", f"plan.4711.{HASH}",
        f"question.4711.{HASH}", f"campaign.1.{HASH}", f"plan.1.{HASH}\n", "x" * 2_000, "\u202e" * 50, "null",
    ):  # fmt: skip
        (answer,) = here.press(ts, "approve", payload=pressed("approve", value))
        assert "nothing was done" in answer, value
        assert "<" not in answer


def test_a_button_of_one_message_cannot_decide_on_the_plan_of_another(here: Desk) -> None:
    (plan, _), (_, other) = here.asked(), here.asked()
    value = f"plan.{plan.plan_id}.{plan.content_hash}"
    (answer,) = here.press(other, "approve", payload=pressed("approve", value))
    assert "nothing was done" in answer
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_an_action_that_there_is_not_decides_nothing(here: Desk) -> None:
    plan, ts = here.asked()
    value = f"plan.{plan.plan_id}.{plan.content_hash}"
    for action in ("", "approve_all", "Approve", "approve ", "x" * 255, "<!here>"):
        (answer,) = here.press(ts, "approve", payload=pressed(action, value))
        assert "nothing was done" in answer, action
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_another_workspace_another_app_and_the_app_itself_are_not_heard(here: Desk) -> None:
    plan, ts = here.asked()
    for more in (
        {"team": {"id": "T0OTHER"}},
        {"user": {"team_id": "T0OTHER"}},
        {"api_app_id": "A0OTHER"},
        {"user": {"id": "U0BOT"}},
    ):
        assert here.press(ts, "approve", payload=more) == []
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_a_payload_of_another_form_is_acknowledged_and_left_alone(here: Desk) -> None:
    plan, ts = here.asked()
    odd: tuple[dict[str, Any], ...] = (
        {"user": {"id": "B0BOT"}}, {"user": {"id": 17}}, {"user": None}, {"user": {"id": "U0ALICE' or '1'='1"}},
        {"team": None}, {"api_app_id": None}, {"actions": []}, {"actions": None}, {"actions": ["approve"]},
        {"actions": [{}] * 26}, pressed("approve", "x" * 2_001), pressed("approve", {"plan": 1}), pressed("x" * 256, ""),
        {"actions": [{"type": "static_select", "action_id": "approve", "value": "x"}]},
        {"container": None}, {"container": {"type": "view"}}, {"container": {"message_ts": "1' or '1'='1"}},
        {"container": {"channel_id": "<!channel>"}}, {"trigger_id": "x" * 256}, {"type": "shortcut"}, {"type": None},
    )  # fmt: skip
    for more in odd:
        answer = here.slack.control("press", {"ts": ts, "action_id": "approve", "user": ALICE, "payload": more})
        assert len(answer["acknowledged"]) == 1, more
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_an_envelope_with_anything_in_it_is_acknowledged(here: Desk) -> None:
    odd: tuple[Any, ...] = ("text", {}, {"type": "view_submission"}, {"type": "block_actions", "a": [[[]]] * 50})
    for number, payload in enumerate(odd):
        assert len(here.envelope(payload, envelope_id=f"e-{number}")) == 1, payload


def test_other_kinds_of_envelopes_are_acknowledged_and_nothing_more(here: Desk) -> None:
    for kind in ("events_api", "slash_commands", "unheard_of"):
        assert here.envelope({"type": "block_actions"}, type=kind, envelope_id=kind) == [{"envelope_id": kind}]


def test_what_is_no_envelope_at_all_ends_nothing(here: Desk) -> None:
    bare = (json.dumps({"envelope_id": "e", "type": "interactive", "payload": one}) for one in (None, [], 7, {}))
    for words in ("", "no json", "{", "[1, 2]", '{"type": "hello"', "null", "x" * 200_000, *bare):
        here.slack.control("raw", {"text": words})


def test_a_huge_payload_is_read_as_any_other(here: Desk) -> None:
    plan, ts = here.asked()
    (answer,) = here.press(ts, "approve", payload={"message": {"text": "x" * 500_000}})
    assert "was approved by *Ada*" in answer
    assert here.office.stored(plan.plan_id).decided_by == "Ada"


def test_names_and_channels_of_a_payload_are_believed_by_nobody(here: Desk) -> None:
    plan, ts = here.asked()
    forged = {"user": {"name": "Grace <!channel>", "username": "Grace"}, "channel": {"id": "C0DEMO", "name": "Ada"}}
    (answer,) = here.press(ts, "approve", payload=forged)
    assert "by *Ada*" in answer
    assert here.ephemerals()[-1]["channel"] == "C0TRACTION"
    assert here.office.stored(plan.plan_id).decided_by == "Ada"


def test_a_modal_that_carries_something_else_rejects_nothing(here: Desk) -> None:
    plan, ts = here.asked()
    for metadata in (
        "x" * 3_000, '{"value": 7, "channel": "C0TRACTION", "message_ts": "1.1"}',
        '{"value": "plan.1.x", "channel": "<!channel>", "message_ts": "1.1"}', "null", "{}", "",
    ):  # fmt: skip
        # Each time anew: what is acknowledged closes.
        here.press(ts, "reject")
        wanted = {
            "view_id": here.views()[-1]["id"],
            "user": ALICE,
            "values": {"reason": {"reason": "no"}},
            "payload": {"view": {"private_metadata": metadata}},
        }
        assert len(here.slack.control("submit", wanted)["acknowledged"]) == 1
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_a_modal_that_somebody_else_submits_rejects_nothing_in_another_name(here: Desk) -> None:
    plan, ts = here.asked()
    here.press(ts, "reject")
    (answer,) = here.submit("no", "U0EVE")
    assert "I do not know yet who you are" in answer
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_a_modal_of_another_name_rejects_nothing(here: Desk) -> None:
    plan, ts = here.asked()
    here.press(ts, "reject")
    (answer,) = here.submit("no", payload={"view": {"callback_id": "approval"}})
    assert "nothing was done" in answer
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_no_token_ticket_or_payload_is_logged_at_any_level(
    here: Desk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    before, settings = structlog.get_config(), here.office.services.settings
    configure_logging(settings, level="debug")
    try:
        with caplog.at_level(logging.DEBUG):
            _, ts = here.asked()
            here.press(ts, "reject")
            here.press(ts, "approve", payload={"api_app_id": "A0OTHER"})
            here.submit("because of jane.doe@example.com")
            here.envelope({"type": "block_actions", "token": "legacy-verification-token"}, envelope_id="secret")
    finally:
        configure_logging(settings, level="error")
        structlog.configure(**before)
    written = caplog.text + "".join(capfd.readouterr())
    assert "a click of another workspace or app was not heard" in written
    for secret in ("xapp-sandbox", "xoxb-sandbox", "ticket=", "legacy-verification", "jane.doe"):
        assert secret not in written, secret
