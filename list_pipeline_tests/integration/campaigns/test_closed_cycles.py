"""A round that does not come is told once; a person closes the cycle, what waited goes on, and it can be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from list_pipeline.cli import cycles as cycle_commands
from list_pipeline.cli import reviews as review_commands
from list_pipeline.cli.main import app
from list_pipeline.core.campaigns.cycles import RoundDoubt
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.core.observations import RowKind, UnreadableRow
from list_pipeline.core.validation.checklist import Severity, ValidationRule
from list_pipeline.operations.campaigns.discovery import cycle_now, discover
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.drift.odd_sends import watch_sends
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews.closed_cycles import close_cycle, reopen_cycle
from list_pipeline.operations.reviews.findings import close_ended
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.validation.validate import validate
from list_pipeline.storage import unreadable_rows
from list_pipeline.storage.campaigns import rounds
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.drafts import schedule

ONE, TWO, THREE = CAMPAIGN_LISTS


def send(made: Installation, role: ListRole, subject: str = "Letter 3", hours: float = 25) -> None:
    """A send, and the time after it."""
    made.control.send(made.account.lists[role], subject, profile="clean")
    wait(made, hours / 24)


def told(made: Installation, headline: str) -> Sequence[str]:
    found = [as_text(SlackMessage(row["text"], row["blocks"])) for row in made.cards()]
    return [words for words in found if headline in words]


def is_open(made: Installation) -> bool:
    with made.services.database.begin() as connection:
        return cycle_now(connection, made.clock.now()).number is not None


def wait(made: Installation, days: float) -> None:
    """Time passes, and the hourly sync and the sensor look."""
    made.clock.advance(timedelta(days=days))
    synchronise(made.services, progress=quietly)
    discover_upcoming(made.services)
    watch_sends(made.services, asks_mailjet=True)


def test_a_round_that_was_skipped_is_told_at_once_and_once(small: Installation) -> None:
    send(small, ONE)
    assert told(small, "A Round Is Missing") == []
    send(small, THREE)
    wait(small, 1)
    (words,) = told(small, "A Round Is Missing")
    assert "was sent to List 1 and List 3, and not to List 2" in words
    assert "list-pipeline close-cycle" in words


def test_a_round_that_is_late_for_the_usual_rhythm_of_three_days_is_told_once(small: Installation) -> None:
    send(small, ONE)
    wait(small, 3)
    assert told(small, "A Round Is Missing") == []
    wait(small, 1)
    wait(small, 1)
    (words,) = told(small, "A Round Is Missing")
    assert "waits for List 2 and List 3" in words
    assert "the usual pause is 3 days" in words


def test_a_round_that_still_does_not_come_after_its_cycle_was_opened_again_is_told_once_more(
    small: Installation,
) -> None:
    send(small, ONE)
    send(small, THREE)
    close_cycle(small.services, by="ada", note="no second letter")
    close_ended(small.services)
    reopen_cycle(small.services, by="ada", note="it comes")
    for _ in range(2):
        wait(small, 0.1)
        assert len(told(small, "A Round Is Missing")) == 2


def test_a_question_that_was_not_over_when_its_cycle_was_opened_again_stands(small: Installation) -> None:
    send(small, ONE)
    send(small, THREE)
    close_cycle(small.services, by="ada", note="no second letter")
    reopen_cycle(small.services, by="ada", note="it comes")
    wait(small, 0.1)
    assert len(told(small, "A Round Is Missing")) == 1


def test_a_round_that_is_scheduled_is_not_missing(small: Installation) -> None:
    send(small, ONE)
    schedule(small, small.clock.now() + timedelta(days=8), TWO)
    wait(small, 6)
    assert told(small, "A Round Is Missing") == []


def test_a_person_closes_the_cycle_and_what_waited_for_it_goes_on(small: Installation) -> None:
    send(small, ONE)
    send(small, TWO)
    # Nobody can go from a list that got the cycle to the one that did not, until it is closed.
    for number in range(40, 48):
        small.take_off(THREE, small.account.people[number])
    synchronise(small.services, progress=quietly)
    small.maintain()
    assert len(small.members(THREE)) <= 14
    done = close_cycle(small.services, by="ada", note="the shop is closed, mail me@example.com")
    assert (done.missing, done.missed, done.is_exact) == ((THREE,), len(small.members(THREE)), True)
    assert not is_open(small)
    assert small.query("select missing_lists, missed_contacts, closed_by, note from cycle_closing") == [
        (["campaign_3"], done.missed, "ada", "the shop is closed, mail [address]")
    ]
    (words,) = told(small, "Cycle Closed")
    assert f"ada closed cycle {done.number} without the round to List 3" in words
    assert f"{done.missed} contacts did not get it and count as missed by decision" in words
    assert "not exact" not in words
    # The next look finds the cycle as the person left it.
    wait(small, 1)
    assert not is_open(small)
    assert small.query("select closed_reason from cycle order by number desc limit 1") == [("by_person",)]
    with pytest.raises(NotFoundError, match="no cycle is open"):
        close_cycle(small.services, by="ada", note="again")


def test_after_the_closing_moves_between_all_lists_are_planned(install_small: Install) -> None:
    with install_small() as made:
        send(made, ONE, "Letter 3")
        for number in range(20, 30):
            made.take_off(TWO, made.account.people[number])
        synchronise(made.services, progress=quietly)
        with made.services.database.begin() as connection:
            before = cycle_now(connection, made.clock.now())
        assert not before.allows({ONE}, {TWO}, received=True)
        close_cycle(made.services, by="ada", note="no more rounds")
        with made.services.database.begin() as connection:
            after = cycle_now(connection, made.clock.now())
        assert after.allows({ONE}, {TWO}, received=True)
        assert after.allows({TWO}, {ONE}, received=False)


def test_a_round_of_the_closed_cycle_that_comes_after_all_is_blocked_and_asked_about(small: Installation) -> None:
    send(small, ONE)
    send(small, TWO)
    close_cycle(small.services, by="ada", note="no more rounds")
    # Somebody who got it stands on the list that did not.
    small.take_off(ONE, small.account.people[0])
    small.put_on(THREE, small.account.people[0])
    at = small.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=6)
    draft = schedule(small, at, THREE)
    synchronise(small.services, progress=quietly)
    discover_upcoming(small.services)
    ((key,),) = small.query("select campaign_key from campaign_schedule where mailjet_draft_id = :d", d=draft)
    found = {one.rule: one for one in validate(small.services, key).results}
    assert found[ValidationRule.NOBODY_TWICE].severity is Severity.CRITICAL
    small.clock.set(at + timedelta(hours=2))
    synchronise(small.services, progress=quietly)
    with small.services.database.begin() as connection:
        assert dict(rounds.doubted(connection)) == {key: RoundDoubt.CLOSED_CYCLE}


def test_the_cycle_is_not_closed_without_a_reason_a_reviewer_or_while_its_round_is_on_its_way(
    install_small: Install,
) -> None:
    with install_small() as made:
        send(made, ONE)
        with pytest.raises(RefusedError, match="no reason is given"):
            close_cycle(made.services, by="ada", note=" ")
        with pytest.raises(RefusedError, match="a person has to be named"):
            close_cycle(made.services, by="nobody", note="why")
        with pytest.raises(NotAReviewerError):
            close_cycle(made.another(list_reviewers="bea"), by="ada", note="why")
        schedule(made, made.clock.now() + timedelta(days=2), TWO)
        discover_upcoming(made.services)
        with pytest.raises(RefusedError, match="round to List 2 is scheduled at Mailjet"):
            close_cycle(made.services, by="ada", note="why")
        assert is_open(made)
        assert made.query("select 1 from cycle_closing") == []


def test_a_cycle_whose_recipients_are_not_known_is_not_closed(small: Installation) -> None:
    small.control.send(small.account.lists[ONE], "Letter 3", profile="clean")
    small.clock.advance(timedelta(minutes=1))
    discover(small.services)
    with pytest.raises(RefusedError, match="not known yet who was mailed"):
        close_cycle(small.services, by="ada", note="why")


@pytest.mark.parametrize(
    ("kind", "advice"),
    [(RowKind.DRAFT, "take it off the schedule there"), (RowKind.CAMPAIGN, "until 21 days have passed")],
)
def test_the_cycle_is_not_closed_while_what_cannot_be_read_may_be_its_round(
    small: Installation, kind: RowKind, advice: str
) -> None:
    send(small, ONE)
    with small.services.database.begin() as connection:
        known = UnreadableRow(kind, 8, "ListID is unknown")
        unreadable_rows.note(connection, [known, UnreadableRow(kind, 7, "x", holds_moves=True)], small.clock.now())
    with pytest.raises(RefusedError, match=r"(draft|campaign) 7: x; it may be the missing round") as refused:
        close_cycle(small.services, by="ada", note="why")
    assert advice in str(refused.value)
    with small.services.database.begin() as connection:
        unreadable_rows.end_others(connection, kind, [8], small.clock.now())
    assert close_cycle(small.services, by="ada", note="why").missing == (TWO, THREE)


def test_somebody_who_was_mailed_and_cannot_be_told_keeps_no_cycle_open_and_makes_the_count_inexact(
    small: Installation,
) -> None:
    send(small, ONE)
    ((sent,),) = small.query("select mailjet_campaign_id from campaign_schedule order by send_start_at desc limit 1")
    nameless = UnreadableRow(RowKind.MESSAGE, 7, "ContactID should be a whole number and is str", None, sent)
    with small.services.database.begin() as connection:
        unreadable_rows.note(connection, [nameless], small.clock.now())
        assert cycle_now(connection, small.clock.now()).unrecorded == {ONE}
    done = close_cycle(small.services, by="ada", note="no more rounds")
    assert (done.missing, done.is_exact) == ((TWO, THREE), False)
    (words,) = told(small, "Cycle Closed")
    assert "The count is not exact" in words
    assert not is_open(small)


def test_a_closing_is_taken_back_and_who_would_get_the_round_twice_is_counted(small: Installation) -> None:
    send(small, ONE)
    send(small, TWO)
    close_cycle(small.services, by="ada", note="no more rounds")
    small.take_off(ONE, small.account.people[0])
    small.put_on(THREE, small.account.people[0])
    synchronise(small.services, progress=quietly)
    done = reopen_cycle(small.services, by="bea", note="the round comes")
    assert (done.missing, done.twice) == ((THREE,), 1)
    assert is_open(small)
    (words,) = told(small, "Cycle Opened Again")
    assert "1 contact there got it already and would get it twice" in words
    # The next look leaves it open, and its round completes it.
    wait(small, 0.1)
    assert is_open(small)
    send(small, THREE)
    assert small.query("select closed_reason from cycle order by number desc limit 1") == [("complete",)]
    with pytest.raises(NotFoundError, match="nobody closed one"):
        reopen_cycle(small.services, by="bea", note="again")


def test_a_closing_is_not_taken_back_when_another_cycle_began_or_its_time_is_over(small: Installation) -> None:
    send(small, ONE)
    close_cycle(small.services, by="ada", note="no more rounds")
    small.clock.advance(timedelta(days=20))
    with pytest.raises(RefusedError, match="more than 21 days ago"):
        reopen_cycle(small.services, by="ada", note="late")
    send(small, ONE, "Letter 4")
    with pytest.raises(RefusedError, match="another cycle has begun"):
        reopen_cycle(small.services, by="ada", note="late")


def test_the_commands_close_a_cycle_open_it_again_and_close_a_finding(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def opened() -> Iterator[Services]:
        yield small.services

    monkeypatch.setattr(cycle_commands, "opened_services", opened)
    monkeypatch.setattr(review_commands, "opened_services", opened)

    def say(*arguments: str) -> str:
        answer = CliRunner().invoke(app, list(arguments))
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    send(small, ONE)
    send(small, THREE)
    told_of = say("close-cycle", "--by", "ada", "--note", "no second letter")
    assert "is closed without the round to List 2." in told_of
    assert "Missed by decision: 20 contacts that did not get it." in told_of
    assert "is open again and waits for List 2." in say("close-cycle", "--reopen", "--by", "ada", "--note", "it comes")
    ((number,),) = small.query("select review_id from review_item where status = 'open'")
    assert f"{number}  " in say("reviews")
    assert f"Finding {number} is resolved." in say("close-finding", str(number), "--by", "ada", "--note", "it comes")
    assert "Nothing waits for a person." in say("reviews")
    assert CliRunner().invoke(app, ["close-cycle", "--by", "ada"]).exit_code == 2
