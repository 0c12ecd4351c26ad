"""The control API moves the world: people act, campaigns go out, time passes, and the state outlives the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from list_pipeline.sandbox.control import SandboxControl, SandboxControlError
from list_pipeline.sandbox.mailjet.sending import PROFILES
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline_tests.integration.sandboxes import ANCHOR, Rehearsal, rehearsal
from list_pipeline_tests.paths import CHECKOUT


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path) as running:
        yield running


def test_a_send_reaches_only_the_mailable_and_is_in_the_ledger(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    mailable = sandbox.join(list_id, "a@example.com")
    sandbox.join(list_id, "b@example.com")
    sandbox.control.unsubscribe("b@example.com", list_id)
    excluded = sandbox.join(list_id, "c@example.com")
    sandbox.http.put(f"/contact/{excluded}", json={"IsExcludedFromCampaigns": True})
    campaign = sandbox.control.send(list_id, "Hello", profile="clean", duration_seconds=60)
    entry = sandbox.control.ledger(campaign)[0]
    assert entry["contact_ids"] == [mailable]
    assert (entry["list_id"], entry["subject"], entry["failures"]) == (list_id, "Hello", [])
    assert sandbox.data("/campaign", CampaignID=campaign, FromTS=1)[0]["SendEndAt"] == ""
    sandbox.pass_time(minutes=2)
    assert sandbox.data("/campaign", CampaignID=campaign, FromTS=1)[0]["SendEndAt"] == "2026-11-02T12:01:00Z"


def test_outcomes_that_were_asked_for_come_true(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    wanted = {
        "user_unknown": ("hardbounced", 1),
        "quota_exceeded": ("softbounced", 3),
        "preblocked": ("blocked", 14),
        "unknown_state": ("hardbounced", 77),
    }
    people = {name: sandbox.join(list_id, f"{name}@example.com") for name in wanted}
    campaign = sandbox.control.send(list_id, "Hello", outcomes={people[name]: name for name in wanted})
    failures = {row["contact_id"]: row for row in sandbox.control.ledger(campaign)[0]["failures"]}
    found = {name: (failures[who]["status"], failures[who]["state_id"]) for name, who in people.items()}
    assert found == wanted


def test_a_soft_bounce_is_deferred_until_it_is_known(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    who = sandbox.join(list_id, "a@example.com")
    campaign = sandbox.control.send(list_id, "Hello", outcomes={who: "quota_exceeded"}, late_share=1.0)
    assert sandbox.data("/message", CampaignID=campaign, FromTS=1)[0]["Status"] == "deferred"
    sandbox.pass_time(hours=24)
    assert sandbox.count("/bouncestatistics", CampaignID=campaign, FromTS=1) == 0
    sandbox.pass_time(hours=48)
    assert sandbox.data("/message", CampaignID=campaign, FromTS=1)[0]["Status"] == "softbounced"
    assert sandbox.count("/bouncestatistics", CampaignID=campaign, FromTS=1) == 1


def test_an_incident_hits_every_recipient_at_a_domain(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    hit = [sandbox.join(list_id, f"p{number}@corp.example") for number in range(5)]
    sandbox.join(list_id, "other@example.com")
    campaign = sandbox.control.send(list_id, "Hello", profile="clean", incident_domain="corp.example")
    failures = sandbox.control.ledger(campaign)[0]["failures"]
    assert [row["contact_id"] for row in failures] == hit
    assert {row["state_id"] for row in failures} == {1}


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_profiles_fail_in_about_their_share(sandbox: Rehearsal, profile: str) -> None:
    list_id = sandbox.new_list()
    sandbox.run_job({list_id: "addnoforce"}, [f"p{number}@example.com" for number in range(2000)])
    campaign = sandbox.control.send(list_id, "Hello", profile=profile)
    not_failures = ("unsubscribed", "complained")
    share = sum(value for name, value in PROFILES[profile].items() if name not in not_failures)
    found = len(sandbox.control.ledger(campaign)[0]["failures"]) / 2000
    assert abs(found - share) < 0.03
    assert (found > 0) is (share > 0)


def test_people_sign_up_leave_return_complain_and_are_erased(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    who = sandbox.control.sign_up("a@example.com", list_id)
    assert sandbox.control.unsubscribe(who) == 1
    assert sandbox.control.contact(who)["lists"][0]["unsubscribed"] is True
    assert sandbox.control.subscribe("a@example.com", list_id) == who
    assert sandbox.control.contact("a@example.com")["lists"][0]["unsubscribed"] is False
    campaign = sandbox.control.send(list_id, "Hello", profile="clean")
    sandbox.control.complain(who)
    assert sandbox.data(f"/contact/{who}")[0]["IsSpamComplaining"] is True
    assert sandbox.data("/message", CampaignID=campaign, FromTS=1)[0]["Status"] == "spam"
    next_campaign = sandbox.control.send(list_id, "Again", profile="clean")
    assert sandbox.control.ledger(next_campaign)[0]["failures"][0]["state_id"] == 21
    assert sandbox.control.gdpr_delete(who) == who
    assert sandbox.control.contact(who)["anonymised"] is True
    assert sandbox.control.lists()[list_id]["raw"] == 0


def test_events_about_nobody_are_refused(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    for call in (
        lambda: sandbox.control.contact(5),
        lambda: sandbox.control.complain("x@example.com"),
        lambda: sandbox.control.sign_up("a@example.com", 77),
        lambda: sandbox.control.sign_up("nonsense", list_id),
        lambda: sandbox.control.send(77, "Hello"),
        lambda: sandbox.control.send(list_id, "Hello", profile="unheard_of"),
        lambda: sandbox.control.set_switches(unheard_of=1),
        lambda: sandbox.control.set_switches(job_vocabulary="latin"),
        lambda: sandbox.control.set_switches(rate_limit_per_minute=-1),
        lambda: sandbox.control.advance(-1),
    ):
        with pytest.raises(SandboxControlError):
            call()


def test_the_digest_changes_with_memberships_and_not_with_reading(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.join(list_id, "a@example.com")
    before = sandbox.control.digest()
    sandbox.data("/contact")
    sandbox.control.lists()
    assert sandbox.control.digest() == before
    sandbox.join(list_id, "a@example.com", "unsub")
    assert sandbox.control.digest() != before


def test_requests_are_counted_by_resource_without_addresses(sandbox: Rehearsal) -> None:
    sandbox.join(sandbox.new_list(), "a@example.com")
    sandbox.control.reset_requests()
    sandbox.get("/contact/a@example.com")
    sandbox.get("/contact/123/getcontactslists")
    sandbox.post_job({58704: "remove"}, ["a@example.com"])
    assert sandbox.control.requests() == {
        "GET contact/{id}": 1,
        "GET contact/{id}/getcontactslists": 1,
        "POST contact/managemanycontacts": 1,
    }


def test_the_clock_moves_forward_for_everybody(sandbox: Rehearsal) -> None:
    assert sandbox.control.now() == ANCHOR
    assert sandbox.control.advance(90) == ANCHOR + timedelta(seconds=90) == sandbox.clock.now()
    assert sandbox.control.set_clock(ANCHOR + timedelta(hours=1)) == sandbox.clock.now()
    with pytest.raises(SandboxControlError):
        sandbox.control.set_clock(ANCHOR)


def test_reset_empties_everything_but_the_clock(sandbox: Rehearsal) -> None:
    sandbox.new_list()
    sandbox.control.set_switches(rate_limit_per_minute=5)
    sandbox.control.add_fault("status")
    sandbox.control.reset()
    assert sandbox.control.lists() == {}
    assert sandbox.control.faults() == []
    assert sandbox.control.switches()["rate_limit_per_minute"] == 1200


def test_a_restart_goes_on_with_account_switches_and_clock(tmp_path: Path) -> None:
    with SandboxServer(tmp_path) as server, SandboxControl(server.url) as control:
        control.seed(contacts=3000)
        control.set_switches(job_vocabulary="node")
        control.advance(86_400)
        before, instant = control.digest(), control.now()
    with SandboxServer(tmp_path) as server, SandboxControl(server.url) as control:
        assert control.digest() == before
        assert control.switches()["job_vocabulary"] == "node"
        assert control.now() >= instant


def test_the_neighbours_answer_on_the_same_port(sandbox: Rehearsal) -> None:
    answer = httpx.post(
        sandbox.server.url + "/api/auth.test", headers={"Authorization": "Bearer xoxb-sandbox"}, trust_env=False
    )
    assert answer.json()["ok"] is True
    assert sandbox.control.slack_messages() == []
    assert sandbox.control.gemini_requests() == []
    assert httpx.get(sandbox.server.url + "/unheard-of", trust_env=False).status_code == 404


@pytest.mark.slow
def test_the_command_serves_and_ends_with_a_signal(tmp_path: Path) -> None:
    url_file = tmp_path / "url"
    command = [sys.executable, "-m", "list_pipeline.sandbox", "serve", "--state", str(tmp_path / "state")]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        [*command, "--url-file", str(url_file)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url_file.read_text().strip() == url
            assert url.startswith("http://127.0.0.1:")
            with SandboxControl(url) as control:
                assert control.healthy()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
