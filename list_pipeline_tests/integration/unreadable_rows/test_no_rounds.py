"""A person says of a send or a draft that cannot be read that it is no round: nobody waits for it, and the word stays."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from list_pipeline.cli.main import app
from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.operations.campaigns.before_changes import follow_sends, lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now, discover
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews.closed_cycles import close_cycle
from list_pipeline.operations.reviews.unreadable_sends import rule_on_unreadable
from list_pipeline.storage.campaigns import rounds, sent_campaigns
from list_pipeline.storage.database import fetch_all
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.drafts import schedule

DAY = timedelta(days=1)
TIMES = ("CreatedAt", "SendStartAt", "SendEndAt")


def spoil(made: Installation, path: str, row: int, *fields: str) -> None:
    for field in fields:
        made.control.add_fault("poisoned_row", path=f"/{path}$", field=field, value={}, count=None, row=row)


def spoilt_send(made: Installation, *fields: str, role: int = 0) -> int:
    """An extra mailing with a row that cannot be read, found by the sensor."""
    sent = made.control.send(made.account.lists[CAMPAIGN_LISTS[role]], "A quick question", profile="clean")
    made.clock.advance(timedelta(hours=1))
    spoil(made, "campaign", sent, *(fields or ("Status",)))
    discover(made.services)
    return sent


def number(made: Installation) -> int:
    ((found,),) = made.query("select unreadable_row_id from unreadable_row where ended_at is null")
    return int(found)


def kept_still(made: Installation) -> int:
    follow_sends(made.services)
    with made.services.database.begin() as connection:
        return len(lists_kept_still(made.services, connection, cycle_now(connection, made.clock.now())))


def rule(made: Installation, *, is_no_round: bool = True) -> bool:
    """A person's word; whether anybody is still kept from moving by the row."""
    return rule_on_unreadable(
        made.services, number(made), is_no_round=is_no_round, by="Ann", note="a survey"
    ).holds_moves


def told(made: Installation) -> list[str]:
    return [as_text(SlackMessage(row["text"], row["blocks"])) for row in made.cards()]


@pytest.mark.parametrize("fields", [("Status",), TIMES, (*TIMES, "ListID"), ("ListID", "IsDeleted")])
def test_what_a_person_says_is_no_round_keeps_nobody_once_it_was_sent(
    small: Installation, fields: tuple[str, ...]
) -> None:
    spoilt_send(small, *fields)
    small.clock.advance(DAY)
    assert kept_still(small) == 3
    rule(small)
    assert kept_still(small) == 0
    small.clock.advance(DAY)
    assert kept_still(small) == 0  # and the next reading of the row changes nothing


def test_while_it_may_still_be_being_sent_nobody_moves(small: Installation) -> None:
    spoilt_send(small, *TIMES)
    assert rule(small)
    assert kept_still(small) == 3
    assert "until Mailjet shows its end, or 24 hours after it began" in told(small)[-1]
    small.clock.advance(timedelta(hours=22))
    assert kept_still(small) == 3
    small.clock.advance(timedelta(hours=2))
    assert kept_still(small) == 0


def test_the_word_of_a_person_can_be_taken_back_and_all_of_them_are_kept(small: Installation) -> None:
    spoilt_send(small)
    small.clock.advance(DAY)
    rule(small)
    assert rule(small, is_no_round=False)
    assert kept_still(small) == 3
    assert "may be one" in told(small)[-1]
    rule(small)
    assert kept_still(small) == 0
    assert small.query("select kind, is_no_round, ruled_by, note from unreadable_ruling order by ruling_id") == [
        ("campaign", True, "Ann", "a survey"),
        ("campaign", False, "Ann", "a survey"),
        ("campaign", True, "Ann", "a survey"),
    ]


def test_when_it_can_be_read_it_is_an_extra_mailing_until_a_person_says_otherwise(small: Installation) -> None:
    sent = spoilt_send(small)
    small.clock.advance(DAY)
    rule(small)
    small.control.clear_faults()
    (sentence,) = discover(small.services).alerts
    assert "stays no round of a cycle, as Ann said of it" in sentence
    with small.services.database.begin() as connection:
        assert rounds.rulings(connection, [sent]) == {sent: RoundRuling.NOT_A_ROUND}
        key = sent_campaigns.campaign_of_send(connection, sent).key
        assert cycle_now(connection, small.clock.now()).number is None
    assert discover(small.services).alerts == []
    rule_on_round(small.services, key, RoundRuling.BEGINS, by="Ann")
    discover(small.services)
    with small.services.database.begin() as connection:
        (_, latest) = sent_campaigns.all_cycles(connection)[-2:]
    assert [one.mailjet_campaign_id for one in latest.sent.values()] == [sent]


def test_a_draft_that_is_no_round_keeps_nobody_and_neither_does_what_is_sent_of_it(small: Installation) -> None:
    draft = schedule(small, small.clock.now() + 3 * DAY)
    spoil(small, "campaigndraft", draft, "SegmentationID")
    assert kept_still(small) == 3
    assert not rule(small)
    assert kept_still(small) == 0
    small.control.clear_faults()
    assert len(discover_upcoming(small.services).new) == 1
    small.clock.advance(3 * DAY + timedelta(hours=1))
    discover(small.services)
    with small.services.database.begin() as connection:
        sends = fetch_all(
            connection, "select mailjet_campaign_id as id from campaign_schedule where round_ruling is not null"
        )
        ruled = rounds.rulings(connection, [int(row["id"]) for row in sends])
        assert list(ruled.values()) == [RoundRuling.NOT_A_ROUND]
        assert cycle_now(connection, small.clock.now()).number is None


def test_what_is_sent_of_such_a_draft_and_cannot_be_read_either_keeps_nobody_for_longer_than_its_sending(
    small: Installation,
) -> None:
    draft = schedule(small, small.clock.now() + 3 * DAY)
    spoil(small, "campaigndraft", draft, "SegmentationID")
    discover_upcoming(small.services)
    rule(small)
    small.clock.advance(3 * DAY + timedelta(hours=1))
    small.control.clear_faults()
    sent = max(row["campaign_id"] for row in small.control.ledger())
    spoil(small, "campaign", sent, "Status", *TIMES)
    assert kept_still(small) == 3
    small.clock.advance(DAY)
    assert kept_still(small) == 0


def test_the_open_cycle_can_be_closed_beside_what_is_no_round(small: Installation) -> None:
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(25 * timedelta(hours=1))
    sync(small.services)
    spoilt_send(small, *TIMES, role=1)
    follow_sends(small.services)
    with pytest.raises(RefusedError, match="list-pipeline unreadable"):
        close_cycle(small.services, by="Ann", note="no more")
    rule(small)
    assert close_cycle(small.services, by="Ann", note="no more").missing == CAMPAIGN_LISTS[1:]


def test_who_may_not_decide_or_gives_no_reason_changes_nothing(small: Installation) -> None:
    spoilt_send(small)
    row = number(small)
    strict = small.another(list_reviewers="Bo")
    for services, wanted, by, note, error in (
        (strict, row, "Ann", "a survey", NotAReviewerError),
        (small.services, row, "ann@example.com", "a survey", RefusedError),
        (small.services, row, "Ann", "  ", RefusedError),
        (small.services, row + 1, "Ann", "a survey", NotFoundError),
        (small.services, -1, "Ann", "a survey", NotFoundError),
    ):
        with pytest.raises(error):
            rule_on_unreadable(services, wanted, is_no_round=True, by=by, note=note)
    with pytest.raises(RefusedError, match="nobody said"):
        rule_on_unreadable(small.services, row, is_no_round=False, by="Ann", note="x")
    assert small.query("select 1 from unreadable_ruling") == []
    rule(small)
    with pytest.raises(RefusedError, match="said so already"):
        rule(small)


def test_of_a_row_for_which_nobody_waits_nothing_is_to_be_said(small: Installation) -> None:
    small.control.add_fault(
        "poisoned_row", path="/contact$", field="Email", value="a b", count=None, row=small.account.people[5]
    )
    sync(small.services, full=True)
    with pytest.raises(RefusedError, match="neither a send nor a draft"):
        rule(small)
    small.control.clear_faults()
    small.clock.advance(DAY)
    sync(small.services)
    spoil(small, "campaign", small.account.campaigns[-1], "Status")
    discover(small.services)
    with pytest.raises(RefusedError, match="nobody waits for it"):
        rule(small)


def test_a_message_and_the_command_line_lead_the_way(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt_send(small)
    small.clock.advance(DAY)
    monkeypatch.setenv("DATABASE_URL", small.database_url)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "")
    row = number(small)

    def run(*words: str) -> str:
        ended = CliRunner().invoke(app, ["unreadable", *words])
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    assert f"list-pipeline unreadable --not-a-round {row} --by NAME --note WHY" in run()
    assert "no round of a cycle, says Ann" in run("--not-a-round", str(row), "--by", "Ann", "--note", "a survey")
    assert kept_still(small) == 0
    assert "no round, says Ann: a survey" in run()
    (shown,) = json.loads(run("--json"))["rows"]
    assert (shown["number"], shown["no_round"]["by"], shown["holds_moves"]) == (row, "Ann", False)
    found = json.loads(run("--may-be-a-round", str(row), "--by", "Ann", "--note", "wrong one", "--json"))
    assert found == {"ruled": row, "is_no_round": False, "holds_moves": True}
    both = CliRunner().invoke(app, ["unreadable", "--not-a-round", "1", "--may-be-a-round", "1"])
    assert (both.exit_code, "Give one of both" in both.output) == (1, True)
