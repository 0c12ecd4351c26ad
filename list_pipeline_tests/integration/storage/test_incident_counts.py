"""Who of a campaign is established, and what is kept of its groups, on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from list_pipeline.core.incidents.groups import POOL, DomainCount, Group, GroupKind, domain_group
from list_pipeline.core.incidents.usual import PastCount
from list_pipeline.storage import incidents
from list_pipeline.storage.database import execute, fetch_scalar

SENT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
GOOGLE = Group(GroupKind.OPERATOR, "Google")


def campaign(connection: Connection, weeks_ago: int, *contacts: int) -> int:
    """A campaign of the past that was sent to these contacts; the newest is of this week."""
    at = SENT - weeks_ago * WEEK
    number = int(
        fetch_scalar(
            connection,
            """insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                   list_name, list_id, send_start_at, send_end_at, created_at, updated_at)
               values (:key, 'name', 1, :day, '09:00', 'list', 1, :at, :at, :at, :at) returning id""",
            key=f"campaign-{weeks_ago}",
            day=at.date(),
            at=at,
        )
    )
    for contact_id in contacts:
        execute(connection, "insert into campaign_recipient values (:campaign, :id)", campaign=number, id=contact_id)
    return number


def contact(connection: Connection, contact_id: int, email: str, is_anonymised: bool = False) -> None:
    execute(
        connection,
        """insert into contact_list_membership (contact_id, email, queued_at, last_updated, is_anonymised)
           values (:id, :email, now(), now(), :gone)""",
        id=contact_id,
        email=email,
        gone=is_anonymised,
    )


def reading(connection: Connection, number: int, sweep: str = "24h", is_complete: bool = True, days: int = 1) -> None:
    execute(
        connection,
        """insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
           values (:campaign, :sweep, :at, :complete, 0)""",
        campaign=number,
        sweep=sweep,
        at=SENT + timedelta(days=days),
        complete=is_complete,
    )


def failed(
    connection: Connection,
    number: int,
    contact_id: int,
    kind: str = "hard",
    sweep: str = "24h",
    hours: int = 1,
    reason: str = "r",
) -> None:
    execute(
        connection,
        """insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, in_bounce_log,
               in_message_log) values (:campaign, :sweep, :id, :at, :kind, :reason, true, true)""",
        campaign=number,
        sweep=sweep,
        id=contact_id,
        at=SENT + timedelta(hours=hours),
        kind=kind,
        reason=reason,
    )


def established(connection: Connection, number: int, sweep: str = "24h") -> tuple[DomainCount, ...]:
    return incidents.established_by_domain(connection, number, sweep, SENT + timedelta(days=1))


class TestEstablished:
    @pytest.fixture
    def now(self, connection: Connection) -> int:
        """A campaign to four contacts, two of whom are at Gmail."""
        for contact_id, email in enumerate(("a@gmail.com", "b@GMAIL.com", "c@one.example", "d@one.example"), start=1):
            contact(connection, contact_id, email)
        number = campaign(connection, 0, 1, 2, 3, 4)
        reading(connection, number)
        return number

    def test_who_was_delivered_to_before_is_and_the_hard_bounces_are_counted(
        self, connection: Connection, now: int
    ) -> None:
        reading(connection, campaign(connection, 1, 1, 2, 3, 4))
        failed(connection, now, 1)
        failed(connection, now, 3, "soft")
        failed(connection, now, 4)
        assert established(connection, now) == (DomainCount("gmail.com", 2, 1), DomainCount("one.example", 2, 1))

    def test_who_is_left_out_is_not_counted(self, connection: Connection, now: int) -> None:
        reading(connection, campaign(connection, 1, 1, 2, 3, 4))
        failed(connection, now, 3)
        failed(connection, now, 4)
        at = SENT + timedelta(days=1)
        without = incidents.established_by_domain(connection, now, "24h", at, {1, 2, 4})
        assert without == (DomainCount("one.example", 1, 1),)
        assert incidents.established_by_domain(connection, now, "24h", at, {1, 2, 3, 4}) == ()

    def test_who_was_never_delivered_to_is_not(self, connection: Connection, now: int) -> None:
        earlier = campaign(connection, 1, 1, 2)
        reading(connection, earlier)
        failed(connection, earlier, 2, "soft")
        assert established(connection, now) == (DomainCount("gmail.com", 1, 0),)

    def test_one_delivery_of_many_campaigns_is_enough(self, connection: Connection, now: int) -> None:
        reading(connection, campaign(connection, 9, 3))
        for weeks in (1, 2):
            earlier = campaign(connection, weeks, 3)
            reading(connection, earlier)
            failed(connection, earlier, 3, "soft")
        assert established(connection, now) == (DomainCount("one.example", 1, 0),)

    def test_a_campaign_that_was_not_read_whole_shows_no_delivery(self, connection: Connection, now: int) -> None:
        campaign(connection, 2, 1, 2, 3, 4)
        reading(connection, campaign(connection, 1, 1, 2, 3, 4), is_complete=False)
        assert established(connection, now) == ()

    def test_of_several_readings_the_latest_whole_one_counts(self, connection: Connection, now: int) -> None:
        earlier = campaign(connection, 1, 1, 2)
        reading(connection, earlier, "24h", days=-6)
        reading(connection, earlier, "72h", days=-4)
        reading(connection, earlier, "7d", is_complete=False, days=-1)
        failed(connection, earlier, 1, sweep="72h")
        failed(connection, earlier, 2, sweep="7d")
        assert established(connection, now) == (DomainCount("gmail.com", 1, 0),)

    def test_neither_this_campaign_nor_a_later_one_says_who_was_established(
        self, connection: Connection, now: int
    ) -> None:
        reading(connection, campaign(connection, -1, 1, 2, 3, 4))
        assert established(connection, now) == ()

    def test_whom_mailjet_did_not_try_was_not_attempted(self, connection: Connection, now: int) -> None:
        reading(connection, campaign(connection, 1, 1, 2))
        failed(connection, now, 2, "not_evidence")
        assert established(connection, now) == (DomainCount("gmail.com", 1, 0),)

    def test_what_happened_later_and_what_another_look_saw_is_not_counted(
        self, connection: Connection, now: int
    ) -> None:
        reading(connection, campaign(connection, 1, 1, 2))
        failed(connection, now, 1, hours=24)
        failed(connection, now, 2, hours=25)
        reading(connection, now, "72h")
        assert established(connection, now) == (DomainCount("gmail.com", 2, 1),)
        assert established(connection, now, "72h") == (DomainCount("gmail.com", 2, 0),)

    def test_the_erased_have_no_domain(self, connection: Connection, now: int) -> None:
        contact(connection, 5, "erased-5@gmail.com", is_anonymised=True)
        execute(connection, "insert into campaign_recipient values (:campaign, 5)", campaign=now)
        reading(connection, campaign(connection, 1, 1, 5))
        assert established(connection, now) == (DomainCount("gmail.com", 1, 0),)


class TestKeptCounts:
    def test_they_come_back_by_campaign_oldest_first_and_without_the_present(self, connection: Connection) -> None:
        now, last, first = (campaign(connection, weeks) for weeks in (0, 1, 2))
        kept = {
            first: (PastCount(GOOGLE, 100, 60, is_flagged=True), PastCount(POOL, 20, 0)),
            last: (PastCount(domain_group("one.example"), 3, 3, is_flagged=True), PastCount(GOOGLE, 90, 1)),
            now: (PastCount(GOOGLE, 80, 0),),
        }
        for number, counts in kept.items():
            incidents.keep_counts(connection, number, counts)
        assert incidents.past_counts(connection, now) == (kept[first], kept[last])
        assert incidents.past_counts(connection, first) == ()

    def test_a_later_look_replaces_those_of_its_campaign_alone(self, connection: Connection) -> None:
        now, last, first = (campaign(connection, weeks) for weeks in (0, 1, 2))
        incidents.keep_counts(connection, first, [PastCount(GOOGLE, 70, 1)])
        incidents.keep_counts(connection, last, [PastCount(GOOGLE, 90, 1), PastCount(POOL, 5, 0)])
        incidents.keep_counts(connection, last, [PastCount(GOOGLE, 90, 3)])
        assert incidents.past_counts(connection, now) == ((PastCount(GOOGLE, 70, 1),), (PastCount(GOOGLE, 90, 3),))

    def test_campaigns_without_counts_are_no_past(self, connection: Connection) -> None:
        now, last, _ = (campaign(connection, weeks) for weeks in (0, 1, 2))
        incidents.keep_counts(connection, last, [PastCount(GOOGLE, 90, 3)])
        assert len(incidents.past_counts(connection, now)) == 1

    def test_only_the_latest_are_read(self, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(incidents, "CAMPAIGNS_REMEMBERED", 2)
        now = campaign(connection, 0)
        for weeks in (1, 2, 3):
            incidents.keep_counts(connection, campaign(connection, weeks), [PastCount(GOOGLE, 10 * weeks, 0)])
        assert [one.attempted for (one,) in incidents.past_counts(connection, now)] == [20, 10]

    def test_they_go_with_their_campaign(self, connection: Connection) -> None:
        last = campaign(connection, 1)
        incidents.keep_counts(connection, last, [PastCount(GOOGLE, 90, 3)])
        execute(connection, "delete from campaign_schedule where id = :id", id=last)
        assert fetch_scalar(connection, "select count(*) from incident_count") == 0


class TestPastCampaigns:
    def test_those_that_were_read_whole_and_never_counted_come_oldest_first_with_their_last_reading(
        self, connection: Connection
    ) -> None:
        now, last, first = (campaign(connection, weeks) for weeks in (0, 1, 3))
        unread, half, counted = (campaign(connection, weeks) for weeks in (2, 4, 5))
        for number in (now, last, first, counted):
            reading(connection, number)
        reading(connection, last, "72h", days=3)
        reading(connection, first, "72h", days=3, is_complete=False)
        reading(connection, half, is_complete=False)
        incidents.keep_counts(connection, counted, [PastCount(POOL, 0, 0)])
        assert incidents.uncounted(connection, now) == ((first, "24h"), (last, "72h"))
        assert incidents.uncounted(connection, first) == ()
        assert unread not in {number for number, _ in incidents.uncounted(connection, now)}

    def test_no_more_are_counted_than_are_remembered(
        self, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(incidents, "CAMPAIGNS_REMEMBERED", 2)
        now, *earlier = (campaign(connection, weeks) for weeks in range(4))
        for number in earlier:
            reading(connection, number)
        assert [number for number, _ in incidents.uncounted(connection, now)] == [earlier[1], earlier[0]]

    def test_the_flagged_groups_of_each_campaign_and_those_that_are_flagged_for_another_reason(
        self, connection: Connection
    ) -> None:
        one, other, calm = (campaign(connection, weeks) for weeks in (1, 2, 3))
        company = domain_group("one.example")
        incidents.keep_counts(connection, one, [PastCount(GOOGLE, 70, 20, is_flagged=True), PastCount(company, 5, 0)])
        incidents.keep_counts(connection, other, [PastCount(GOOGLE, 70, 0)])
        incidents.keep_counts(connection, calm, [PastCount(GOOGLE, 70, 0)])
        incidents.flag(connection, other, [GOOGLE, company])
        assert incidents.flagged_in(connection, [one, other, calm]) == {one: {GOOGLE}, other: {GOOGLE, company}}
        assert incidents.flagged_in(connection, [calm]) == {}
        assert incidents.past_counts(connection, one) == (
            (PastCount(GOOGLE, 70, 0),),
            (PastCount(company, 0, 0, is_flagged=True), PastCount(GOOGLE, 70, 0, is_flagged=True)),
        )


class TestLastReached:
    LATER = SENT + timedelta(days=1)

    @pytest.fixture(autouse=True)
    def people(self, connection: Connection) -> None:
        for contact_id, email in enumerate(
            ("a@one.example", "b@One.example", "c@two.example", "d@gone.example"), start=1
        ):
            contact(connection, contact_id, email, is_anonymised=contact_id == 4)

    def test_it_is_the_last_send_that_anybody_there_got(self, connection: Connection) -> None:
        for weeks, contacts in ((3, (1, 3)), (2, (1, 2)), (1, (1, 2, 4))):
            number = campaign(connection, weeks, *contacts)
            reading(connection, number)
            if weeks == 1:
                failed(connection, number, 1)
                failed(connection, number, 2, "not_evidence")
        found = incidents.last_reached(connection, ["one.example", "two.example", "gone.example"], self.LATER)
        assert found == {"one.example": SENT - 2 * WEEK, "two.example": SENT - 3 * WEEK}
        assert incidents.last_reached(connection, ["one.example"], SENT - 3 * WEEK) == {"one.example": SENT - 3 * WEEK}

    def test_what_was_not_read_whole_says_nothing(self, connection: Connection) -> None:
        reading(connection, campaign(connection, 2, 1), is_complete=False)
        campaign(connection, 1, 1)
        assert incidents.last_reached(connection, ["one.example"], self.LATER) == {}

    def test_a_later_reading_replaces_the_earlier_one(self, connection: Connection) -> None:
        number = campaign(connection, 1, 1)
        reading(connection, number)
        reading(connection, number, "72h", days=3)
        failed(connection, number, 1, sweep="72h")
        assert incidents.last_reached(connection, ["one.example"], self.LATER) == {}

    def test_nothing_is_asked_without_domains(self, connection: Connection) -> None:
        assert incidents.last_reached(connection, [], self.LATER) == {}


class TestLastAnswered:
    LATER = SENT + timedelta(days=1)
    EARLY = SENT - 10 * WEEK
    SILENT = ("connection_issue", "no_mail_host")

    @pytest.fixture(autouse=True)
    def people(self, connection: Connection) -> None:
        for contact_id, email in enumerate(("a@one.example", "b@One.example", "c@two.example", "d@gone.example"), 1):
            contact(connection, contact_id, email, is_anonymised=contact_id == 4)

    def answered(self, connection: Connection, *domains: str) -> dict[str, datetime]:
        return dict(incidents.last_answered(connection, domains, self.SILENT, self.EARLY, self.LATER))

    def test_a_delivery_and_a_refusal_are_answers(self, connection: Connection) -> None:
        reading(connection, campaign(connection, 3, 3))
        number = campaign(connection, 2, 1, 3)
        reading(connection, number)
        failed(connection, number, 1, "soft")
        failed(connection, number, 3, "block", reason="connection_issue")
        assert self.answered(connection, "one.example", "two.example") == {
            "one.example": SENT - 2 * WEEK,
            "two.example": SENT - 3 * WEEK,
        }

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [("block", "connection_issue"), ("hard", "no_mail_host"), ("not_evidence", "preblocked"), ("unknown", "r")],
    )
    def test_what_no_server_said_is_none(self, connection: Connection, kind: str, reason: str) -> None:
        number = campaign(connection, 1, 1, 2)
        reading(connection, number)
        failed(connection, number, 1, kind, reason=reason)
        failed(connection, number, 2, kind, reason=reason)
        assert self.answered(connection, "one.example") == {}

    def test_only_sends_of_the_time_that_was_asked_for_count_and_only_whole_readings(
        self, connection: Connection
    ) -> None:
        reading(connection, campaign(connection, 10, 1))
        reading(connection, campaign(connection, 1, 1), is_complete=False)
        reading(connection, campaign(connection, -1, 1))
        assert self.answered(connection, "one.example") == {"one.example": self.EARLY}
        later = incidents.last_answered(
            connection, ["one.example"], self.SILENT, self.EARLY + timedelta(seconds=1), self.LATER
        )
        assert later == {}

    def test_erased_contacts_have_no_domain(self, connection: Connection) -> None:
        reading(connection, campaign(connection, 1, 4))
        assert self.answered(connection, "gone.example") == {}
        assert incidents.domains_of_account(connection) == {"one.example", "two.example"}

    def test_nothing_is_asked_without_domains(self, connection: Connection) -> None:
        assert self.answered(connection) == {}
