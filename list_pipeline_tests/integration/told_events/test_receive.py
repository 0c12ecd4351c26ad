"""Told events are kept once, whatever their order, in the same rows as what is read; what cannot be used stops nothing."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from pydantic import SecretStr

from list_pipeline.core.told_events.events import EventOutcome, EventProblem
from list_pipeline.operations.bounces.fetch import fetch_bounces
from list_pipeline.operations.erasure.rows import follow_erasures
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.told_events.receive import KEPT_ASIDE_FOR, NAMED_AFTER, join_waiting, receive
from list_pipeline.operations.told_events.status import status
from list_pipeline.storage import told_events, told_figures
from list_pipeline.storage.database_errors import DatabaseUnavailableError
from list_pipeline.storage.membership import unsubscriptions
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, SOFT, Installation, quietly
from list_pipeline_tests.integration.told_events.events import event, hard, seconds, tell

GOOD = 47
"""A person of list 3 whom the last send reached."""

ROWS = """select e.sweep, e.contact_id, e.bounce_class, e.is_disputed, e.in_bounce_log, e.told_at is not null
    from bounce_event e join campaign_schedule s on s.id = e.campaign_id
    where s.mailjet_campaign_id = :campaign order by e.sweep, e.contact_id"""


def rows(made: Installation) -> list[tuple[object, ...]]:
    return made.query(ROWS, campaign=made.account.campaigns[-1])


def everything(made: Installation) -> list[list[tuple[object, ...]]]:
    """All that events leave behind, without the numbers of rows."""
    return [
        rows(made),
        made.query("select * from contact_engagement order by contact_id, mailjet_campaign_id"),
        made.query("select contact_id, list_role, unsubscribed_at from kept_unsubscription order by contact_id"),
        made.query("select contact_id from contact_list_membership where is_complaining order by contact_id"),
        made.query("select kind, occurred_at, contact_id from told_event order by kind, contact_id, occurred_at"),
    ]


def test_a_bounce_told_before_anything_was_read_becomes_the_row_that_is_read(small: Installation) -> None:
    person = HARD[0]
    assert tell(small, hard(small, person)).outcomes == Counter({EventOutcome.KEPT: 1})
    assert rows(small) == [("told", small.account.people[person], "hard", True, False, True)]

    run = small.begin()
    fetch_bounces(small.services, run.campaign, run.sweep)
    found = [row for row in rows(small) if row[1] == small.account.people[person]]
    assert found == [("24h", small.account.people[person], "hard", False, True, True)]


def test_a_bounce_told_after_it_was_read_is_the_same_row_and_overrides_nothing(small: Installation) -> None:
    run = small.begin()
    before = fetch_bounces(small.services, run.campaign, run.sweep)
    person = HARD[0]
    # Told as soft and without words: less than what both logs say.
    tell(small, hard(small, person, hard_bounce=False, error="quota exceeded"))
    found = [row for row in rows(small) if row[1] == small.account.people[person]]
    assert found == [("24h", small.account.people[person], "hard", False, True, True)]
    assert fetch_bounces(small.another(), run.campaign, run.sweep) == before


def test_a_failure_that_no_log_shows_stays_told_and_suppresses_nobody(small: Installation) -> None:
    tell(small, hard(small, GOOD))
    small.maintain()
    assert ("told", small.account.people[GOOD], "hard", True, False, True) in rows(small)
    assert small.query("select 1 from plan_item where contact_id = :id and action = 'suppress'",
                       id=small.account.people[GOOD]) == []  # fmt: skip


def test_events_leave_the_same_behind_in_any_order_and_however_often(small: Installation) -> None:
    now = small.clock.now()
    told = [
        hard(small, HARD[0], hard_bounce=False, error="quota exceeded", time=seconds(now - timedelta(hours=2))),
        hard(small, HARD[0], time=seconds(now - timedelta(hours=1))),
        event(small, GOOD, "open", agent="Mozilla/5.0 (iPhone)", time=seconds(now - timedelta(minutes=9))),
        event(small, GOOD, "open", agent="Mozilla/5.0 (iPhone)", time=seconds(now - timedelta(minutes=5))),
        event(small, GOOD, "click", agent="Mozilla/5.0 (iPhone)"),
        event(small, COMPLAINED, "spam"),
        event(small, 48, "unsub", mj_list_id=small.account.lists.campaign_3),
    ]
    tell(small, *told)
    first = everything(small)
    assert [row[2] for row in first[0]] == ["hard", "complaint"]
    for seed in range(3):
        shuffled = told * 2
        random.Random(seed).shuffle(shuffled)
        for one in shuffled:
            tell(small, one)
        assert everything(small) == first
    with small.services.database.begin() as connection:
        repeated = [one for one in told_figures.counts_since(connection, now) if one.outcome == "repeated"]
    assert sum(one.events for one in repeated) == 3 * 2 * 4


def test_the_later_of_two_failures_stands_and_a_complaint_before_both(small: Installation) -> None:
    now = small.clock.now()
    tell(small, hard(small, GOOD, time=seconds(now - timedelta(hours=1))))
    tell(small, hard(small, GOOD, hard_bounce=False, error="quota exceeded", time=seconds(now - timedelta(hours=2))))
    assert [row[2] for row in rows(small)] == ["hard"]
    tell(small, hard(small, GOOD, hard_bounce=False, error="quota exceeded", time=seconds(now - timedelta(minutes=5))))
    assert [row[2] for row in rows(small)] == ["soft"]
    tell(small, event(small, GOOD, "spam", time=seconds(now - timedelta(hours=3))))
    tell(small, hard(small, GOOD, time=seconds(now - timedelta(minutes=1))))
    assert [row[2] for row in rows(small)] == ["complaint"]


def test_a_complaint_that_was_told_is_suppressed_though_no_log_shows_it(small: Installation) -> None:
    tell(small, event(small, GOOD, "spam", source="JMRP"))
    small.maintain()
    assert small.query(
        "select rule from plan_item where contact_id = :id and action = 'suppress'", id=small.account.people[GOOD]
    ) == [("complaint",)]
    # The reading shows nothing of it, so it keeps its own row.
    assert ("told", small.account.people[GOOD], "complaint", False, False, True) in rows(small)


def test_events_that_cannot_be_used_are_counted_and_stop_no_other(small: Installation) -> None:
    received = tell(small, 5, hard(small, HARD[0]), {"event": "teleported"}, event(small, 1, time="soon"))
    assert received.outcomes == Counter({EventOutcome.KEPT: 1})
    assert received.problems == Counter(
        {EventProblem.NOT_AN_OBJECT: 1, EventProblem.UNKNOWN_KIND: 1, EventProblem.IMPOSSIBLE_TIME: 1}
    )
    found = {(one.kind, one.outcome): one.events for one in status(small.services, 1).counts}
    assert found == {
        ("bounce", "kept"): 1,
        **{("other", problem.value): 1 for problem in received.problems},
    }


def test_a_body_that_is_no_json_is_counted(small: Installation) -> None:
    assert receive(small.services, b"{").problems == Counter({EventProblem.NOT_JSON: 1})
    assert [one.outcome for one in status(small.services, 1).counts] == [EventProblem.NOT_JSON.value]


def test_one_event_that_the_database_refuses_does_not_take_the_others_along(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told_events.keep

    def keep(connection, events, lists, now):  # type: ignore[no-untyped-def]
        if any(one.contact_id == small.account.people[HARD[1]] for one in events):
            told_events.execute(connection, "select 1 / 0")
        return whole(connection, events, lists, now)

    monkeypatch.setattr(told_events, "keep", keep)
    received = tell(small, hard(small, HARD[0]), hard(small, HARD[1]), hard(small, HARD[2]), "odd")
    assert received.outcomes == Counter({EventOutcome.KEPT: 2})
    assert received.problems == Counter({EventProblem.NOT_STORED: 1, EventProblem.NOT_AN_OBJECT: 1})
    assert {row[1] for row in rows(small)} == small.account.ids(HARD[0], HARD[2])
    found = {(one.kind, one.outcome): one.events for one in status(small.services, 1).counts}
    assert found == {
        ("bounce", "kept"): 2,
        ("bounce", EventProblem.NOT_STORED.value): 1,
        ("other", EventProblem.NOT_AN_OBJECT.value): 1,
    }


def test_a_contact_without_an_id_is_known_by_its_address(small: Installation) -> None:
    tell(small, hard(small, HARD[0], mj_contact_id=0))
    assert [row[1] for row in rows(small)] == [small.account.people[HARD[0]]]


def test_an_event_of_a_contact_that_is_not_known_waits_for_the_sync(small: Installation) -> None:
    email = "late@company-1.example.com"
    new = small.control.sign_up(email, small.account.lists.master)
    unsub = event(small, GOOD, "unsub", mj_contact_id=0, email=email, mj_list_id=small.account.lists.campaign_3)
    click = event(small, GOOD, "click", mj_contact_id=0, email=email, agent="Firefox")
    assert tell(small, unsub, click).outcomes == Counter({EventOutcome.ASIDE: 2})
    assert join_waiting(small.services) == []
    synchronise(small.services, progress=quietly)
    assert small.query("select contact_id from kept_unsubscription") == [(new,)]
    assert small.query("select 1 from contact_engagement where contact_id = :id", id=new) == [(1,)]
    assert status(small.services, 1).aside.events == 0


def test_an_event_of_a_campaign_that_is_not_known_waits_and_is_named_after_a_day(small: Installation) -> None:
    assert tell(small, hard(small, HARD[0], mj_campaign_id=999)).outcomes == Counter({EventOutcome.ASIDE: 1})
    assert join_waiting(small.services) == []
    small.clock.sleep(NAMED_AFTER.total_seconds())
    (said,) = join_waiting(small.services)
    assert said.startswith("1 event that Mailjet told name")
    assert rows(small) == []


def test_what_is_about_mail_that_is_not_kept_here_is_let_go(small: Installation) -> None:
    with small.services.database.begin() as connection:
        told_events.execute(
            connection,
            "insert into ignored_send (mailjet_campaign_id, list_id, reason, first_seen_at)"
            " values (777, 1, 'list_not_ours', :now)",
            now=small.clock.now(),
        )
    tell(
        small,
        hard(small, HARD[0], mj_campaign_id=0),
        hard(small, HARD[1], mj_campaign_id=777),
        event(small, GOOD, "spam", mj_campaign_id=777),
        event(small, 1, "spam", mj_campaign_id=777, mj_contact_id=0, email="nobody@example.com"),
        event(small, GOOD, "unsub", mj_campaign_id=777, mj_list_id=0),
        hard(small, HARD[2], mj_campaign_id=999),
    )
    join_waiting(small.services)
    # Who complained may still come, and so may a campaign that nobody knows yet.
    left = small.query("select kind, mailjet_campaign_id from told_event where joined_at is null order by 1")
    assert left == [("bounce", 999), ("spam", 777)]
    small.clock.sleep(KEPT_ASIDE_FOR.total_seconds())
    join_waiting(small.services)
    assert status(small.services, 1).aside.events == 2
    small.clock.sleep(1)
    assert join_waiting(small.services) == []
    assert status(small.services, 1).aside.events == 0


def test_a_complaint_counts_though_its_campaign_is_not_known(small: Installation) -> None:
    tell(small, event(small, GOOD, "spam", mj_campaign_id=999))
    assert small.query(
        "select is_complaining from contact_list_membership where contact_id = :id", id=small.account.people[GOOD]
    ) == [(True,)]


def test_mailjets_test_button_names_nobody_and_is_counted(small: Installation) -> None:
    received = tell(small, {"event": "sent", "time": seconds(small.clock.now()), "email": "", "mj_contact_id": 0})
    assert received.outcomes == Counter({EventOutcome.NOBODY: 1})


def test_deliveries_are_counted_and_scanners_leave_no_sign(small: Installation) -> None:
    signs = small.query("select * from contact_engagement order by contact_id, mailjet_campaign_id")
    received = tell(
        small,
        event(small, GOOD, "sent", smtp_reply="250 ok"),
        event(small, GOOD, "click", agent="Barracuda Sentinel", url="https://example.com"),
    )
    assert received.outcomes == Counter({EventOutcome.COUNTED: 1, EventOutcome.SCANNER: 1})
    assert small.query("select * from contact_engagement order by contact_id, mailjet_campaign_id") == signs


def test_nothing_is_kept_of_a_person_who_was_erased(small: Installation) -> None:
    told = [hard(small, GOOD), event(small, GOOD, "open"), hard(small, GOOD, mj_contact_id=0)]
    small.control.gdpr_delete(small.account.people[GOOD])
    synchronise(small.services, full=True, progress=quietly)
    assert len(follow_erasures(small.services).reports) == 1
    assert tell(small, *told).outcomes == Counter({EventOutcome.ERASED: 3})
    assert small.query("select 1 from told_event") == []
    assert small.query("select 1 from contact_engagement where contact_id = :id", id=small.account.people[GOOD]) == []


def test_an_erasure_takes_what_was_told_along(small: Installation) -> None:
    tell(small, hard(small, GOOD), event(small, GOOD, "open"))
    small.control.gdpr_delete(small.account.people[GOOD])
    synchronise(small.services, full=True, progress=quietly)
    assert len(follow_erasures(small.services).reports) == 1
    for table in ("told_event", "contact_engagement"):
        left = {contact for (contact,) in small.query(f"select contact_id from {table}")}
        assert small.account.people[GOOD] not in left
        assert any(contact < 0 for contact in left)


def test_an_unsubscription_is_ours_until_the_list_shows_it_and_then_follows_the_list(small: Installation) -> None:
    contact = small.account.people[GOOD]
    tell(small, event(small, GOOD, "unsub", mj_list_id=small.account.lists.campaign_3))
    flag = "select is_unsubscribed from contact_list_membership where contact_id = :id"
    assert small.query(flag, id=contact) == [(True,)]
    synchronise(small.services, progress=quietly)
    # Mailjet's list does not show it yet.
    assert small.query("select contact_id from kept_unsubscription") == [(contact,)]
    small.control.unsubscribe(contact, small.account.lists.campaign_3)
    synchronise(small.services, full=True, progress=quietly)
    assert small.query("select contact_id from kept_unsubscription") == []
    assert small.query(flag, id=contact) == [(True,)]


def test_an_unsubscription_without_a_list_goes_by_its_campaign(small: Installation) -> None:
    tell(small, event(small, GOOD, "unsub", mj_list_id=0))
    assert small.query("select contact_id, list_role from kept_unsubscription") == [
        (small.account.people[GOOD], "campaign_3")
    ]


def test_an_unsubscription_from_a_list_that_is_not_ours_changes_nothing(small: Installation) -> None:
    assert tell(small, event(small, GOOD, "unsub", mj_list_id=424242)).outcomes == Counter({EventOutcome.KEPT: 1})
    assert small.query("select 1 from kept_unsubscription") == []


def test_an_unsubscription_that_a_person_took_back_comes_back_only_with_a_later_one(small: Installation) -> None:
    contact, told = small.account.people[GOOD], event(small, GOOD, "unsub", mj_list_id=0)
    tell(small, told)
    with small.services.database.begin() as connection:
        assert unsubscriptions.take_back(connection, contact, "ada", "asked for mail", small.clock.now())
    standing = "select count(*) from kept_unsubscription where taken_back_at is null"
    tell(small, told)
    tell(small, event(small, GOOD, "unsub", mj_list_id=0, time=told["time"] - 60))
    assert small.query(standing) == [(0,)]
    small.clock.sleep(7200)
    tell(small, event(small, GOOD, "unsub", mj_list_id=0))
    assert small.query(standing) == [(1,)]


def test_neither_address_nor_words_of_strangers_are_logged_or_kept(small: Installation) -> None:
    words = "550 5.1.1 jane.roe@example.org unknown, see https://example.org/x"
    told = hard(small, HARD[0], comment=words, agent="odd")
    tell(small, told, {**told, "email": "broken address", "mj_contact_id": 0})
    kept = str(small.query("select * from told_event") + small.query("select * from bounce_event"))
    shown = str(small.logs) + kept
    assert not any(part in shown for part in (told["email"], "jane.roe", "example.org", "broken address"))


def test_nothing_is_kept_where_the_database_is_away_and_the_caller_is_told(small: Installation) -> None:
    nowhere = small.services.settings.model_copy(update={"database_url": SecretStr("postgresql://127.0.0.1:1/nothing")})
    with Services(nowhere, small.clock) as away, pytest.raises(DatabaseUnavailableError):
        receive(away, b"[]")


def test_a_later_reading_of_the_same_campaign_says_that_it_was_told_too(small: Installation) -> None:
    run = small.begin()
    fetch_bounces(small.services, run.campaign, run.sweep)
    tell(small, *(hard(small, person) for person in HARD), event(small, SOFT, "bounce", hard_bounce=False,
         error="quota exceeded"), hard(small, GOOD))  # fmt: skip
    with small.services.database.begin() as connection:
        found = told_figures.compare(connection, run.campaign.campaign_id, run.sweep.value)
    assert (found.failures, found.told, found.only_told) == (len(HARD) + 3, len(HARD) + 1, 1)
    assert found.typical_s == pytest.approx(60)
    assert found.slowest_s == pytest.approx(60)


def test_the_report_says_what_was_not_told_where_events_are_to_come(small: Installation) -> None:
    tell(small, *(hard(small, person) for person in HARD))
    small.maintain()
    (details,) = small.details()
    said = [block["text"]["text"] for block in details["blocks"] if "Event API" in str(block)]
    assert said == [
        f"*Event API*\nMailjet told of {len(HARD)} of the {len(HARD) + 3} failures that were read and missed 3; "
        "half of them within 1 min, the last after 1 min."
    ]


def test_the_report_is_silent_about_events_where_none_are_to_come(small: Installation) -> None:
    small.maintain()
    assert "Event API" not in str(small.control.slack_messages())
