"""Who belongs to the incidents of a campaign, whose words are read, and what people are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.bounces.classes import FailureEvent, classify
from list_pipeline.core.incidents.contacts import Incident, IncidentCause, incidents_of
from list_pipeline.core.incidents.groups import POOL, Group, GroupCount, GroupKind, domain_group
from list_pipeline.core.incidents.operators import OPERATORS
from list_pipeline.core.incidents.own_faults import own_faults, spread
from list_pipeline.core.incidents.statements import incident_text
from list_pipeline.core.incidents.strata import TestedGroup
from list_pipeline.core.observations import MessageStatus

GOOGLE = Group(GroupKind.OPERATOR, "Google")
SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)
AS_OF = SENT + timedelta(days=1)
REFUSED, UNKNOWN = "550 5.7.1 blocked using a block list", "550 5.1.1 user unknown"


def bounce(contact_id: int, words: str = "", state: int = 1, permanent: bool = True, minutes: int = 0) -> FailureEvent:
    status = MessageStatus.HARD_BOUNCED if permanent else MessageStatus.SOFT_BOUNCED
    found = classify(state, permanent, status, words or None)
    return FailureEvent(contact_id, 50, SENT + timedelta(minutes=minutes), state, permanent, status, found, True, True)


def group_of(group: Group, is_flagged: bool = True) -> TestedGroup:
    return TestedGroup(GroupCount(group, 200, 20), 0.004, -9.0, is_flagged)


class TestWhoBelongs:
    def found(self, *events: FailureEvent, groups: tuple[TestedGroup, ...]) -> tuple[Incident, ...]:
        domains = {1: "gmail.com", 2: "googlemail.com", 3: "one.example", 4: "two.example", 5: "yahoo.com"}
        return incidents_of(events, domains, groups, OPERATORS, AS_OF)

    def test_everybody_who_bounced_hard_at_a_flagged_group_in_doubt_or_not(self) -> None:
        (incident,) = self.found(
            bounce(2),
            bounce(1, permanent=False),
            bounce(3),
            bounce(5),
            groups=(group_of(GOOGLE), group_of(POOL, False)),
        )
        assert incident == Incident(GOOGLE, 200, 20, pytest.approx(0.8), (1, 2))
        assert incident.cause is IncidentCause.GROUP

    def test_the_operator_before_the_domain_and_a_group_that_holds_nobody_is_none(self) -> None:
        groups = (group_of(domain_group("one.example")), group_of(POOL))
        assert [(one.group, one.contact_ids) for one in self.found(bounce(3), bounce(4), groups=groups)] == [
            (POOL, (3, 4))
        ]

    def test_a_domain_of_its_own_where_only_that_is_flagged(self) -> None:
        (incident,) = self.found(bounce(3), bounce(4), groups=(group_of(domain_group("one.example")),))
        assert (incident.group.name, incident.contact_ids) == ("one.example", (3,))

    def test_neither_soft_ones_nor_later_ones_nor_who_has_no_domain(self) -> None:
        full, late, nowhere = bounce(1, state=3, permanent=False), bounce(2, minutes=24 * 60 + 1), bounce(99)
        assert self.found(full, late, nowhere, groups=(group_of(GOOGLE),)) == ()
        (among,) = self.found(nowhere, full, late, bounce(5), bounce(1), groups=(group_of(GOOGLE),))
        assert among.contact_ids == (1,)
        (incident,) = self.found(bounce(2, minutes=24 * 60), groups=(group_of(GOOGLE),))
        assert incident.contact_ids == (2,)


class TestOwnFaults:
    def found(
        self, *events: FailureEvent, domain: str = "gmail.com", other: str = ""
    ) -> list[tuple[str, tuple[int, ...]]]:
        domains = {event.contact_id: other if other and event.contact_id == 9 else domain for event in events}
        return [(one.group.name, one.contact_ids) for one in own_faults(events, domains, OPERATORS, AS_OF)]

    def test_where_most_that_were_read_refuse_us_the_others_are_held(self) -> None:
        events = [bounce(1, REFUSED), bounce(2, REFUSED), bounce(3, UNKNOWN), bounce(5), bounce(4)]
        (incident,) = own_faults(events, dict.fromkeys(range(1, 6), "gmail.com"), OPERATORS, AS_OF)
        assert incident == Incident(GOOGLE, 3, 2, 0.0, (4, 5), IncidentCause.SENDER)

    def test_half_is_not_most(self) -> None:
        assert self.found(bounce(1, REFUSED), bounce(2, UNKNOWN), bounce(3)) == []

    def test_what_was_read_nowhere_says_nothing_and_nobody_is_held_where_all_were_read(self) -> None:
        assert self.found(bounce(1), bounce(2)) == []
        assert self.found(bounce(1, REFUSED), bounce(2, REFUSED)) == []

    def test_a_custom_domain_speaks_for_itself_alone(self) -> None:
        assert self.found(bounce(1, REFUSED), bounce(2), domain="one.example") == [("one.example", (2,))]
        assert self.found(bounce(1, REFUSED), bounce(9), domain="one.example", other="two.example") == []

    def test_an_operator_speaks_for_all_of_its_domains(self) -> None:
        assert self.found(bounce(1, REFUSED), bounce(9), other="googlemail.com") == [("Google", (9,))]

    def test_what_mailjet_called_the_senders_fault_itself_is_no_sample_and_what_it_doubts_waits_for_nothing(
        self,
    ) -> None:
        assert self.found(bounce(1, REFUSED, state=7), bounce(2)) == []
        assert self.found(bounce(1, REFUSED, permanent=False), bounce(2)) == []
        assert self.found(bounce(1, REFUSED), bounce(2, permanent=False)) == []
        assert self.found(bounce(1, REFUSED, state=3, permanent=False), bounce(2)) == []

    def test_who_has_no_domain_speaks_for_nobody_and_hides_nobody(self) -> None:
        events = [bounce(7), bounce(1, REFUSED), bounce(8, REFUSED), bounce(2)]
        (incident,) = own_faults(events, {1: "gmail.com", 2: "gmail.com"}, OPERATORS, AS_OF)
        assert (incident.attempted, incident.contact_ids) == (1, (2,))

    def test_what_was_not_known_yet_is_left_out(self) -> None:
        assert self.found(bounce(1, REFUSED, minutes=24 * 60 + 1), bounce(2)) == []
        assert self.found(bounce(1, REFUSED), bounce(2, minutes=24 * 60 + 1)) == []
        assert self.found(bounce(1, REFUSED, minutes=24 * 60), bounce(2, minutes=24 * 60)) == [("Google", (2,))]


class TestWhoseWordsAreRead:
    def test_one_of_each_operator_in_turn_the_latest_first_and_unknown_domains_last(self) -> None:
        domains = {
            1: "gmail.com",
            2: "googlemail.com",
            3: "gmail.com",
            4: "yahoo.com",
            5: "one.example",
            6: "two.example",
        }
        events = [bounce(number, minutes=number) for number in range(1, 8)]
        ordered = [one.contact_id for one in spread(events, domains, OPERATORS)]
        assert ordered == [3, 4, 5, 6, 2, 1, 7]

    def test_only_undisputed_hard_bounces(self) -> None:
        contradictory = replace(bounce(4), is_contradictory=True)
        events = [bounce(1, permanent=False), bounce(2, state=3, permanent=False), bounce(3), contradictory]
        assert [one.contact_id for one in spread(events, dict.fromkeys(range(1, 5), "gmail.com"), OPERATORS)] == [3]

    def test_operators_come_before_custom_domains_whatever_they_are_called(self) -> None:
        domains = {1: "a.example", 2: "mailbox.org"}
        assert [one.contact_id for one in spread([bounce(1), bounce(2)], domains, OPERATORS)] == [2, 1]

    def test_at_the_same_instant_the_lower_number_comes_first(self) -> None:
        assert [
            one.contact_id for one in spread([bounce(2), bounce(1)], {1: "gmail.com", 2: "gmail.com"}, OPERATORS)
        ] == [1, 2]


class TestWords:
    def test_what_happened_what_is_usual_and_what_follows(self) -> None:
        assert incident_text(Incident(GOOGLE, 682, 129, 2.2, (1, 2))) == (
            "129 of 682 contacts that worked before bounced hard at Google, where about 2 are usual: the fault is likelier "
            "theirs, so 2 contacts that bounced there wait, and their next mailings show which of them work"
        )

    def test_less_than_one_and_domains_without_an_operator(self) -> None:
        words = incident_text(Incident(POOL, 5, 5, 0.99, (1,)))
        assert "at domains whose mail operator is not known, where fewer than one is usual" in words
        assert "so 1 contact that bounced there" in words
        assert "about 1 are usual" in incident_text(Incident(POOL, 5, 5, 1, (1,)))

    def test_refusals_of_ours(self) -> None:
        assert incident_text(Incident(GOOGLE, 4, 3, 0, (1, 2), IncidentCause.SENDER)) == (
            "3 of 4 refusals at Google that were read refuse us, not the contacts, though Mailjet calls their addresses "
            "unknown: 2 contacts whose refusals were not read wait, and their next mailings show which of them work"
        )
