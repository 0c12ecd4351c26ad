"""Many rounds in a row: does everybody who may be mailed get each content exactly once, and nobody else anything?

The judge is the sandbox's own log of what it sent to whom. Between the rounds people sign up, leave and complain, and the
maintenance suppresses, moves and enrols.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.integrations.tls import tls_context
from list_pipeline.operations.reviews.mass_changes import accept
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline_tests.e2e.rehearsals import ANCHOR, Rehearsal, Templates, rehearsal
from list_pipeline_tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.long

CYCLES = 4
SIZES = (290, 250, 225)
"""Members of the three lists at the beginning: too far apart, so that the first closed cycle is followed by moves."""

PROFILES = ("normal", "bad", "normal", "normal", "normal", "bad", "bad", "normal", "normal", "normal", "bad", "normal")


@dataclass
class Ledger:
    """What the test knows from outside the product: who began where, and since when somebody must not be mailed."""

    rehearsal: Rehearsal
    members: dict[int, int] = field(default_factory=dict)
    newcomers: set[int] = field(default_factory=set)
    left: dict[int, datetime] = field(default_factory=dict)
    complained: dict[int, datetime] = field(default_factory=dict)
    suppressed: dict[int, datetime] = field(default_factory=dict)
    lists: dict[str, list[int]] = field(default_factory=dict)
    moved: Counter[str] = field(default_factory=Counter)

    def look(self) -> None:
        """Note who left, complained or was suppressed since the last look."""
        now = self.rehearsal.clock.now()
        for list_id in self.rehearsal.lists:
            for contact_id, row in self.rehearsal.members(list_id).items():
                if row["IsUnsubscribed"]:
                    self.left.setdefault(contact_id, now)
        suppression = self.rehearsal.members(self.rehearsal.lists[4])
        rows = self.rehearsal.rows("select contact_id from quarantine where state in ('planned', 'active')")
        # They are mailed again before the next letter.
        in_quarantine = {int(row["contact_id"]) for row in rows}
        for contact_id, person in self.rehearsal.people().items():
            if person["IsSpamComplaining"]:
                self.complained.setdefault(contact_id, now)
            is_excluded = person["IsExcludedFromCampaigns"] and contact_id not in in_quarantine
            if is_excluded or contact_id in suppression:
                self.suppressed.setdefault(contact_id, now)

    def ends(self) -> dict[int, datetime]:
        """The first instant from which each contact must not be mailed any more."""
        found: dict[int, datetime] = {}
        for events in (self.left, self.complained, self.suppressed):
            for contact_id, at in events.items():
                found[contact_id] = min(at, found.get(contact_id, at))
        return found


@dataclass(frozen=True)
class Message:
    """One message as the sandbox sent it."""

    content: str
    list_id: int
    at: datetime
    failed: str | None

    def __str__(self) -> str:
        return f"{self.at:%m-%d} {self.content} to {self.list_id}{' ' + self.failed if self.failed else ''}"


def messages(account: Rehearsal) -> dict[int, list[Message]]:
    """Every message to every contact id, oldest first."""
    found: dict[int, list[Message]] = defaultdict(list)
    for send in account.control.ledger():
        failed = {one["contact_id"]: f"{one['status']}/{one['state_id']}" for one in send["failures"]}
        at = datetime.fromisoformat(send["send_start_at"])
        for contact_id in send["contact_ids"]:
            found[contact_id].append(Message(send["subject"], send["list_id"], at, failed.get(contact_id)))
    return found


def told(account: Rehearsal, wrong: Iterable[int], what: str) -> str:
    """The offending contacts with their histories, for whoever has to find out why."""
    sent, lines = messages(account), []
    for contact_id in sorted(wrong)[:10]:
        history = "; ".join(map(str, sent.get(contact_id, ()))) or "no message at all"
        lists = [place["list_id"] for place in account.control.contact(contact_id)["lists"]]
        changes = account.rows(
            "select plan_id, kind, created_at from change where contact_id = :id order by change_id", id=contact_id
        )
        lines.append(f"{contact_id} on {lists}: {history} | changes: {[dict(row) for row in changes]}")
    return f"{what}:\n" + "\n".join(lines)


def _create_account(state: Path) -> list[int]:
    """Five empty lists in an empty sandbox; their ids, master first."""
    with SandboxServer(state, VirtualClock(ANCHOR)) as server:
        credentials = ("sandbox-key", "sandbox-secret")
        with httpx.Client(
            base_url=f"{server.url}/v3/REST", auth=credentials, trust_env=False, verify=tls_context()
        ) as http:
            return [
                int(http.post("/contactslist", json={"Name": name}).json()["Data"][0]["ID"])
                for name in ("Everybody", "One", "Two", "Three", "Never again")
            ]


def _fill(account: Rehearsal) -> dict[int, int]:
    """People on master and one campaign list each; contact id to the list."""
    master, *lists = account.lists[:4]
    for index, (list_id, size) in enumerate(zip(lists, SIZES, strict=True)):
        body = {
            "ContactsLists": [{"ListID": each, "Action": "addnoforce"} for each in (master, list_id)],
            "Contacts": [{"Email": f"reader{number}-{index}@shop-{number % 37}.example"} for number in range(size)],
        }
        assert account.http.post("/contact/managemanycontacts", json=body).is_success
        account.pass_time(minutes=5)
    return {contact_id: list_id for list_id in lists for contact_id in account.members(list_id)}


def _live(ledger: Ledger, number: int, chance: random.Random) -> None:
    """What people do between two looks at them: some sign up, some leave one list or all, one complains."""
    account = ledger.rehearsal
    for index in range(chance.randint(3, 8)):
        ledger.newcomers.add(account.control.sign_up(f"new{number}-{index}@inbox-{index}.example", account.lists[0]))
    still = sorted(ledger.members.keys() - ledger.ends().keys())
    for contact_id in chance.sample(still, 3):
        account.control.unsubscribe(contact_id)
    where = account.places()
    (one,) = chance.sample(sorted(set(still) - ledger.left.keys()), 1)
    for list_id in where[one] & set(account.campaign_lists):
        account.control.unsubscribe(one, list_id)


def _complain(ledger: Ledger, list_id: int, chance: random.Random) -> None:
    """Somebody who got the last mail reports it."""
    account = ledger.rehearsal
    on_list = account.members(list_id)
    still = {contact_id for contact_id, row in on_list.items() if not row["IsUnsubscribed"]}
    account.control.complain(chance.choice(sorted(still - ledger.ends().keys())))
    ledger.look()


@pytest.fixture(scope="module")
def ledger(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Twelve rounds, four cycles, some six weeks; the state afterwards."""
    state, chance = tmp_path_factory.mktemp("ledger"), random.Random(20)
    lists = _create_account(state)
    with rehearsal(state, new_database(), lists=lists, list_maintenance_lookback_days=7) as account:
        ledger = Ledger(account)
        ledger.members = _fill(account)
        account.pass_time(days=1)
        account.synchronise()
        account.confirm()
        for number in range(3 * CYCLES):
            cycle, position = divmod(number, 3)
            list_id = account.campaign_lists[position]
            account.control.send(list_id, f"Letter {cycle + 1}", profile=PROFILES[number])
            account.pass_time(hours=1)
            ledger.look()
            account.synchronise()
            account.pass_time(hours=8)
            _live(ledger, number, chance)
            _complain(ledger, list_id, chance)
            account.pass_time(hours=16)
            account.synchronise()
            for maintained in account.maintain_due():
                facts = maintained.report.facts
                assert facts.status in ("success", "partial_success"), facts
                ledger.moved["moves"] += facts.rebalancing.moves_confirmed
                ledger.moved["enrolments"] += facts.rebalancing.enrolments_confirmed
                ledger.moved["suppressions"] += facts.suppression.confirmed_total
                ledger.moved["maintenances"] += 1
            ledger.look()
            account.pass_time(hours=10)
            if number % 4 == 3:
                # After the maintenance, so that the next one has to notice.
                _complain(ledger, list_id, chance)
            account.pass_time(hours=24 * 2.5)
        yield ledger


def test_the_rehearsal_has_everything_in_it(ledger: Ledger) -> None:
    assert ledger.moved["maintenances"] == 3 * CYCLES
    assert ledger.moved["moves"] >= 10
    assert ledger.moved["enrolments"] >= 10
    assert ledger.moved["suppressions"] >= 40
    assert len(ledger.left) >= 3 * CYCLES * 3
    assert len(ledger.complained) >= 3 * CYCLES
    cycles = ledger.rehearsal.rows("select closed_reason from cycle order by number")
    assert [row["closed_reason"] for row in cycles] == ["complete"] * CYCLES


def test_everybody_who_may_be_mailed_gets_each_content_exactly_once(ledger: Ledger) -> None:
    account, ends, sent = ledger.rehearsal, ledger.ends(), messages(ledger.rehearsal)
    throughout = ledger.members.keys() - ends.keys()
    assert len(throughout) > 500
    letters = {f"Letter {cycle + 1}": 1 for cycle in range(CYCLES)}
    wrong = [i for i in throughout if Counter(message.content for message in sent[i]) != letters]
    assert not wrong, told(account, wrong, f"{len(wrong)} did not get each letter exactly once")


def test_whoever_left_later_got_every_cycle_that_ended_before(ledger: Ledger) -> None:
    account, ends, sent = ledger.rehearsal, ledger.ends(), messages(ledger.rehearsal)
    over: dict[str, datetime] = {}
    for send in account.control.ledger(contacts=False):
        over[send["subject"]] = datetime.fromisoformat(send["send_end_at"])
    wrong = []
    for contact_id in ledger.members.keys() & ends.keys():
        expected = {letter for letter, at in over.items() if at < ends[contact_id]}
        got = Counter(message.content for message in sent[contact_id])
        if any(got[letter] != 1 for letter in expected):
            wrong.append(contact_id)
    assert not wrong, told(account, wrong, "missed or got twice a cycle that was over before they left")


def test_nobody_gets_the_same_content_twice(ledger: Ledger) -> None:
    sent = messages(ledger.rehearsal)
    wrong = [i for i, got in sent.items() if max(Counter(message.content for message in got).values()) > 1]
    assert not wrong, told(ledger.rehearsal, wrong, "got a letter twice")


def test_newcomers_are_taken_in_and_get_each_cycle_at_most_once(ledger: Ledger) -> None:
    sent = messages(ledger.rehearsal)
    assert len([i for i in ledger.newcomers if sent.get(i)]) >= 10
    wrong = [i for i in ledger.newcomers if any(n > 1 for n in Counter(m.content for m in sent.get(i, ())).values())]
    assert not wrong, told(ledger.rehearsal, wrong, "newcomers who got a letter twice")


@pytest.mark.parametrize("event", ["left", "suppressed"])
def test_nobody_is_written_to_after_leaving_or_being_suppressed(ledger: Ledger, event: str) -> None:
    since: dict[int, datetime] = getattr(ledger, event)
    sent = messages(ledger.rehearsal)
    assert since
    wrong = [i for i, at in since.items() if any(message.at > at for message in sent.get(i, ()))]
    assert not wrong, told(ledger.rehearsal, wrong, f"written to after being {event}")


def test_nobody_gets_mail_after_a_complaint(ledger: Ledger) -> None:
    sent = messages(ledger.rehearsal)
    wrong = [
        i
        for i, at in ledger.complained.items()
        if any(message.at > at and message.failed is None for message in sent.get(i, ()))
    ]
    assert not wrong, told(ledger.rehearsal, wrong, "got mail after a complaint")


def test_whoever_complained_before_a_maintenance_is_suppressed_by_it(ledger: Ledger) -> None:
    account = ledger.rehearsal
    last = account.control.ledger(contacts=False)[-1]
    before = datetime.fromisoformat(last["send_start_at"])
    wrong = [i for i, at in ledger.complained.items() if at < before and i not in ledger.suppressed]
    # Whoever complained while in quarantine stays in it, and is not mailed.
    late = {i for i in wrong if (one := account.control.contact(i))["lists"] and not one["excluded"]}
    # Who complained after a maintenance is noticed at the next send to the own list, which may be three rounds away.
    recent = {i for i in late if (before - ledger.complained[i]).days < 15}
    assert not late - recent, told(account, late - recent, "complained and still on a list that was sent since")


def test_whoever_left_is_never_moved_or_made_mailable_again(ledger: Ledger) -> None:
    account, where = ledger.rehearsal, ledger.rehearsal.places()
    lists = set(account.campaign_lists)
    kept = {i for i in ledger.left.keys() & ledger.members.keys() if i not in ledger.suppressed}
    assert kept
    places = {i: {row["list_id"] for row in account.control.contact(i)["lists"] if row["unsubscribed"]} for i in kept}
    again = [i for i in kept if where[i] & lists - places[i]]
    assert not again, told(account, again, "on a campaign list as if they had never left")


# A cycle that is still open


def test_in_an_open_cycle_moves_are_deferred_and_come_when_it_is_closed(templates: Templates) -> None:
    seed = {"scenario": "open_cycle", "contacts": 3000, "seed": 5}
    with templates.rehearsal(seed=seed) as account:
        first, second, third = account.campaign_lists
        # The list of the round that is still to come loses many, so that it would need some of the others.
        gone = sorted(account.members(third))[:140]
        for contact_id in gone:
            account.control.unsubscribe(contact_id, third)
        account.synchronise()
        # So many at once are asked about: it was a mailing of ours.
        ((matter,),) = [row.values() for row in account.rows("select distinct matter from mass_change")]
        accept(account.services, matter, by="A. Person", note="they were asked whether they want it")
        before = account.places()
        (due,) = account.due()
        maintained = account.maintain(due.campaign_key)
        after = account.places()
        crossed = {
            i
            for i in before
            if (before[i] & {first, second} and third in after.get(i, ()) and third not in before[i])
            or (third in before[i] and after.get(i, frozenset()) & {first, second} - before[i])
        }
        assert not crossed, told(account, crossed, "moved across the rounds of an open cycle")
        summary = account.plan(due.campaign_key, PlanKind.REBALANCING).rebalancing_summary
        assert summary.sent_in_open_cycle == (ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2)
        deferred = summary.deferred_move_count
        assert deferred > 0, summary
        assert maintained.report.facts.rebalancing.deferred >= deferred
        enrolled = {
            item.contact_id
            for item in account.plan_items(due.campaign_key, PlanKind.REBALANCING)
            if item.action is ItemAction.ENROL
        }

        # The round that closes the cycle is scheduled two days ahead and goes out by itself.
        account.pass_time(days=2, hours=1)
        account.synchronise()
        account.pass_time(hours=25)
        account.synchronise()
        last = account.control.ledger(contacts=False)[-1]
        assert (last["list_id"], last["subject"]) == (third, "Client letter 3")
        (due,) = account.due()
        assert due.campaign_key == account.key_of(last["campaign_id"])
        maintained = account.maintain(due.campaign_key)
        assert maintained.report.facts.rebalancing.deferred == 0
        assert maintained.report.facts.rebalancing.moves_confirmed > 0
        assert maintained.report.facts.deviation_after is not None
        assert maintained.report.facts.deviation_after < 5
        sent = messages(account)
        got = {i: sum(message.content == "Client letter 3" for message in history) for i, history in sent.items()}
        # The seed's contact in two lists gets two letters before anybody could help it.
        twice = {i for i, letters in got.items() if letters > 1} - set(account.control.answers()["in_two_lists"])
        assert not twice, told(account, twice, "got the letter of the open cycle twice")
        assert enrolled
        assert {got.get(i, 0) for i in enrolled} == {1}, "who joined the list that was still to come got its letter"
