"""The client against the sandbox: the same numbers on both sides, and jobs that take effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import (
    AuthenticationError,
    RefusedError,
    RemoteNotFoundError,
)
from list_pipeline.core.observations import MemberAction, MessageStatus
from list_pipeline.integrations.mailjet import (
    CountersMissingError,
    JobTimeoutError,
    MailjetClient,
    OutcomeUnknownError,
)
from list_pipeline_tests.integration.sandboxes import (
    LIST_1,
    LIST_2,
    LIST_3,
    MASTER,
    SUPPRESSION,
    Rehearsal,
    last_send,
    newcomers,
)

pytest_plugins = ("list_pipeline_tests.integration.mailjet_sandbox",)

LISTS = (MASTER, LIST_1, LIST_2, LIST_3, SUPPRESSION)
FAILURES = (MessageStatus.HARD_BOUNCED, MessageStatus.SOFT_BOUNCED, MessageStatus.BLOCKED)


# Reading


def test_list_sizes_agree_with_the_account(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    truth = sandbox.control.lists()
    seen = {found.list_id: found for found in mailjet.contact_lists()}
    assert {list_id: seen[list_id].subscriber_count for list_id in LISTS} == {
        list_id: truth[list_id]["raw"] for list_id in LISTS
    }
    assert mailjet.requests_made == 1
    assert mailjet.contact_list(LIST_1) == seen[LIST_1]
    for list_id in LISTS:
        assert mailjet.count_recipients(list_id) == truth[list_id]["raw"]
        # Ghosts of erased people that still stand in a list are counted by Mailjet, though nobody can mail them.
        ghosts = len(sandbox.control.answers()["ghost_newcomer"]) if list_id == MASTER else 0
        mailable = mailjet.count_recipients(list_id, unsubscribed=False, excluded=False)
        assert mailable == truth[list_id]["mailable"] + ghosts


def test_every_member_and_contact_of_a_list_over_one_page_is_read_once(
    sandbox: Rehearsal, mailjet: MailjetClient
) -> None:
    raw = sandbox.control.lists()[MASTER]["raw"]
    assert raw > 2000
    members = [row for page in mailjet.read_all_recipients(MASTER) for row in page]
    contacts = [row for page in mailjet.read_all_contacts(MASTER) for row in page]
    assert len(members) == len(contacts) == raw
    assert {row.contact_id for row in members} == {row.contact_id for row in contacts}
    assert all(row.list_id == MASTER and row.subscribed_at is not None for row in members)
    ghosts = [row.contact_id for row in contacts if row.is_anonymised]
    assert ghosts == sandbox.control.answers()["ghost_newcomer"]
    pages = raw // 999 + 1
    assert mailjet.requests_made <= 2 * (2 + pages)


def test_filters_show_who_is_unsubscribed_and_who_is_excluded(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    gone = {row.contact_id for page in mailjet.recipients(LIST_1, unsubscribed=True) for row in page}
    assert gone
    assert len(gone) == mailjet.count_recipients(LIST_1, unsubscribed=True)
    excluded = [row for page in mailjet.contacts(excluded=True) for row in page]
    assert all(row.is_excluded for row in excluded)
    assert len(excluded) == mailjet.count_contacts(excluded=True) < mailjet.count_contacts()


def test_a_tail_holds_who_joined_last(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    before = mailjet.count_recipients(MASTER)
    ids, _ = newcomers(sandbox, "tail", 3)
    assert [row.contact_id for page in mailjet.recipients(MASTER, offset=before) for row in page] == ids


def test_one_contact_is_seen_with_its_places(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    contact_id = sandbox.control.answers()["hard"][0]
    truth = sandbox.control.contact(contact_id)
    found = mailjet.contact(contact_id)
    assert (found.email, found.is_excluded, found.is_complaining) == (truth["email"], False, False)
    places = {place.list_id for place in mailjet.contact_places(contact_id)}
    assert places == {place["list_id"] for place in truth["lists"]}
    inside, outside = LIST_3, SUPPRESSION
    assert places >= {inside}
    place = mailjet.recipient(inside, contact_id)
    assert place is not None
    assert place.contact_id == contact_id
    assert mailjet.recipient(outside, contact_id) is None


def test_sends_are_found_from_an_instant_on(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    campaign_id, since, entry = last_send(sandbox)
    assert [send.mailjet_campaign_id for send in mailjet.sends(since=since)] == [campaign_id]
    earlier = mailjet.sends(since=since - timedelta(days=90))
    assert {send.mailjet_campaign_id for send in earlier} == set(sandbox.control.answers()["campaign_ids"])
    send = mailjet.send(campaign_id)
    assert send in earlier
    assert (send.list_id, send.custom_value, send.subject) == (LIST_3, entry["custom_value"], entry["subject"])
    assert send.send_started_at == since + timedelta(seconds=1)
    assert send.send_ended_at is not None


def test_messages_bounces_and_counters_of_a_send_agree(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    campaign_id, since, entry = last_send(sandbox)
    counters = mailjet.send_counters(campaign_id)
    failed = [row for page in mailjet.messages(campaign_id, since=since, statuses=FAILURES) for row in page]
    by_status = Counter(row.status for row in failed)
    assert counters.total == entry["recipients"]
    assert by_status == {
        MessageStatus.HARD_BOUNCED: counters.hard_bounced,
        MessageStatus.SOFT_BOUNCED: counters.soft_bounced,
        MessageStatus.BLOCKED: counters.blocked,
    }
    everyone = [row for page in mailjet.messages(campaign_id, since=since) for row in page]
    assert sorted(row.contact_id for row in everyone) == entry["contact_ids"]
    assert all(row.message_id > 2**53 for row in everyone)
    bounced = {row.contact_id for row in mailjet.bounces(campaign_id, since=since)}
    assert bounced
    assert bounced <= {failure["contact_id"] for failure in entry["failures"]}


def test_counters_that_are_missing_are_no_quiet_zero(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    sandbox.control.add_fault("short_page", path="statcounters")
    with pytest.raises(CountersMissingError):
        mailjet.send_counters(last_send(sandbox)[0])


def test_what_does_not_exist_is_not_found(mailjet: MailjetClient) -> None:
    for ask in (mailjet.contact, mailjet.contact_list, mailjet.send, mailjet.job, mailjet.contact_places):
        with pytest.raises(RemoteNotFoundError, match="Object not found"):
            ask(99)
    with pytest.raises(RemoteNotFoundError, match="Source object not found"):
        mailjet.job_errors(99)


def test_a_wrong_secret_is_named_as_such_and_changes_nothing(
    sandbox: Rehearsal, connect: Callable[..., MailjetClient]
) -> None:
    with pytest.raises(AuthenticationError, match="MAILJET_SECRET_KEY") as caught:
        connect(secret_key="wrong-secret").contact_lists()
    assert "wrong-secret" not in repr(caught.value)


def test_five_counts_at_once_share_one_client(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    truth = sandbox.control.lists()
    with ThreadPoolExecutor(5) as pool:
        sizes = list(pool.map(mailjet.count_recipients, LISTS))
    assert sizes == [truth[list_id]["raw"] for list_id in LISTS]
    assert mailjet.requests_made == 5


def test_client_and_service_count_the_same_requests(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    mailjet.contact_lists()
    mailjet.contact_places(sandbox.control.answers()["hard"][0])
    sandbox.control.add_fault("status", path="listrecipient", status=503)
    mailjet.count_recipients(LIST_1)
    assert dict(mailjet.request_counts) == sandbox.control.requests()
    assert mailjet.requests_made == 4


# Changing


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"job_vocabulary": "node", "job_dates": "unix", "job_status_code": 200},
        {"job_latency_seconds": 40.0},
    ],
)
def test_a_job_adds_removes_and_excludes(
    sandbox: Rehearsal, mailjet: MailjetClient, switches: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    sandbox.control.set_switches(**switches)
    ids, emails = newcomers(sandbox, f"job-{abs(hash(request.node.name)) % 10**6}-", 4)
    job_id = mailjet.submit_job(
        actions={SUPPRESSION: MemberAction.ADD, MASTER: MemberAction.REMOVE}, emails=emails, exclude=True
    )
    job = mailjet.wait_for_job(job_id)
    assert (job.is_finished, job.is_failed, job.processed_count, job.has_error_file) == (True, False, 4, False)
    for contact_id in ids:
        assert mailjet.contact(contact_id).is_excluded
        assert [place.list_id for place in mailjet.contact_places(contact_id)] == [SUPPRESSION]


def test_an_exclusion_can_be_lifted_again(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    (contact_id,), emails = newcomers(sandbox, "lifted", 1)
    for wanted in (True, False):
        mailjet.wait_for_job(mailjet.submit_job(actions={}, emails=emails, exclude=wanted))
        assert mailjet.contact(contact_id).is_excluded is wanted


def test_adding_somebody_who_unsubscribed_does_not_subscribe_them(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    (contact_id,), emails = newcomers(sandbox, "left", 1)
    sandbox.control.unsubscribe(contact_id, MASTER)
    mailjet.wait_for_job(mailjet.submit_job(actions={MASTER: MemberAction.ADD}, emails=emails))
    place = mailjet.recipient(MASTER, contact_id)
    assert place is not None
    assert place.is_unsubscribed


def test_a_job_that_ends_well_may_have_changed_nothing(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    (contact_id,), emails = newcomers(sandbox, "idle", 1)
    sandbox.control.add_fault("job_without_effect", path="managemanycontacts")
    job = mailjet.wait_for_job(mailjet.submit_job(actions={SUPPRESSION: MemberAction.ADD}, emails=emails))
    assert (job.is_finished, job.is_failed) == (True, False)
    assert mailjet.recipient(SUPPRESSION, contact_id) is None


@pytest.mark.parametrize("effect", ["job_error", "job_abort"])
def test_a_job_that_fails_says_so_and_its_error_file_shows_no_address(
    sandbox: Rehearsal, mailjet: MailjetClient, effect: str
) -> None:
    _, emails = newcomers(sandbox, effect, 2)
    sandbox.control.add_fault(effect, path="managemanycontacts")
    job = mailjet.wait_for_job(mailjet.submit_job(actions={SUPPRESSION: MemberAction.ADD}, emails=emails))
    assert (job.is_finished, job.is_failed, job.has_error_file) == (True, True, True)
    errors = mailjet.job_errors(job.job_id)
    assert [(error.position, error.reason) for error in errors] == [(0, "Import failed: internal error")]


def test_an_address_that_mailjet_refuses_stands_in_the_error_file_without_itself(
    sandbox: Rehearsal, mailjet: MailjetClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Mailjet may refuse what passes our own check.
    monkeypatch.setattr("list_pipeline.integrations.mailjet.changes.address_problem", lambda _: "")
    _, emails = newcomers(sandbox, "good", 1)
    job_id = mailjet.submit_job(actions={SUPPRESSION: MemberAction.ADD}, emails=[*emails, "not-an-address"])
    job = mailjet.wait_for_job(job_id)
    assert (job.is_failed, job.has_error_file) == (False, True)
    (error,) = mailjet.job_errors(job_id)
    assert error.reason == 'Invalid email address "[hidden]", reason: "No @ character in mail"'
    assert "not-an-address" not in repr(error)


def test_a_job_that_never_ends_is_given_up(sandbox: Rehearsal, connect: Callable[..., MailjetClient]) -> None:
    _, emails = newcomers(sandbox, "endless", 1)
    sandbox.control.add_fault("job_never_ends", path="managemanycontacts")
    mailjet = connect(job_timeout_s=300.0)
    job_id = mailjet.submit_job(actions={SUPPRESSION: MemberAction.ADD}, emails=emails)
    began = sandbox.clock.now()
    with pytest.raises(JobTimeoutError, match=f"bulk job {job_id}: it is still Importing after 300 s"):
        mailjet.wait_for_job(job_id)
    assert sandbox.clock.now() - began == timedelta(seconds=300)
    assert mailjet.request_counts["GET contact/managemanycontacts/{id}"] < 40


@pytest.mark.parametrize(
    ("effect", "carried_out"),
    [
        ("drop_after", True),
        ("truncated_json", True),
        ("wrong_json", True),
        ("broken_body", True),
        ("drop_before", False),
    ],
)
def test_a_lost_answer_to_a_job_is_reported_and_never_repeated(
    sandbox: Rehearsal, mailjet: MailjetClient, effect: str, carried_out: bool
) -> None:
    (contact_id,), emails = newcomers(sandbox, effect, 1)
    sandbox.control.add_fault(effect, path="managemanycontacts", count=None)
    with pytest.raises(OutcomeUnknownError):
        mailjet.submit_job(actions={SUPPRESSION: MemberAction.ADD}, emails=emails)
    assert sandbox.control.requests()["POST contact/managemanycontacts"] == 1
    sandbox.control.clear_faults()
    sandbox.pass_time(seconds=5)
    assert (mailjet.recipient(SUPPRESSION, contact_id) is not None) is carried_out


def test_a_job_is_posted_again_after_a_429_and_is_one_job(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    (contact_id,), emails = newcomers(sandbox, "limited", 1)
    sandbox.control.add_fault("rate_limited", path="managemanycontacts", retry_after=7, body="empty")
    began = sandbox.clock.now()
    mailjet.wait_for_job(mailjet.submit_job(actions={SUPPRESSION: MemberAction.ADD}, emails=emails))
    assert sandbox.clock.now() - began >= timedelta(seconds=7)
    assert mailjet.recipient(SUPPRESSION, contact_id) is not None


def test_nothing_changes_when_the_check_says_no(sandbox: Rehearsal, connect: Callable[..., MailjetClient]) -> None:
    def refuse() -> None:
        raise RefusedError("Changing a list", "LIST_MANAGEMENT_ENABLED is off", "Switch it on")

    _, emails = newcomers(sandbox, "refused", 1)
    before = sandbox.control.digest()
    mailjet = connect(before_mutation=refuse)
    with pytest.raises(RefusedError):
        mailjet.submit_job(actions={MASTER: MemberAction.REMOVE}, emails=emails)
    assert mailjet.requests_made == 0
    sandbox.pass_time(seconds=60)
    assert sandbox.control.digest() == before


def test_reading_everything_changes_nothing(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    before = sandbox.control.digest()
    campaign_id, since, _ = last_send(sandbox)
    mailjet.contact_lists()
    for _ in mailjet.read_all_recipients(LIST_1):
        pass
    for _ in mailjet.messages(campaign_id, since=since):
        pass
    assert sandbox.control.digest() == before
    assert all(name.startswith("GET ") for name in mailjet.request_counts)
