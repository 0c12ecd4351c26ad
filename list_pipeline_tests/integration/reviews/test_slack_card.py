"""The card of a maintenance in Slack: its buttons decide on the plan that waits, and the maintenance goes on."""

from __future__ import annotations

import threading

from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.reviewers import link_reviewer
from list_pipeline.operations.reviews.slack_desk import SlackDesk
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.integrations.test_slack_socket import SlackSocket, until


def test_the_card_of_a_maintenance_is_decided_with_its_button_and_says_so(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", slack_app_token="xapp-sandbox") as made:
        link_reviewer(made.services, "U0ALICE", "Ada", by="Ada")
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        (card,) = [one for one in made.cards() if "Waits for a Person" in one["text"]]
        labels = [e["text"]["text"] for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]
        assert labels == ["Approve", "Reject", "Show me"]
        client = made.services.slack_interaction
        assert client is not None
        desk, stop = SlackDesk(made.services, client, client.identity()), threading.Event()
        socket = SlackSocket(client, "xapp-sandbox", check=desk.check, hear=desk.hear, ping_s=0.2)
        thread = threading.Thread(target=socket.run, args=(stop,), daemon=True)
        thread.start()
        assert socket.connected.wait(20)
        assert made.control.press(card["ts"], "approve", user="U0ALICE")["acknowledged"]
        until(lambda: len(made.control.slack_ephemerals()) == 1)
        stop.set()
        thread.join(20)
        decided = made.plan(PlanKind.SUPPRESSION)
        assert (decided.status, decided.decided_by, decided.plan_id) == (PlanStatus.APPROVED, "Ada", plan.plan_id)
        (now,) = [one for one in made.control.slack_messages() if one["ts"] == card["ts"]]
        assert not [block for block in now["blocks"] if block["type"] == "actions"]
        assert f"Suppression plan {plan.plan_id} was approved by *Ada* in Slack" in str(now["blocks"])
        # What the card says beside that stays.
        assert [b["type"] for b in now["blocks"]] == [b["type"] for b in card["blocks"] if b["type"] != "actions"]
        made.maintain()
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED
