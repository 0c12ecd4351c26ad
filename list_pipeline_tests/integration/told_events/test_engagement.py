"""An open between two disputed failures keeps a contact, and its card says so."""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.evidence_card.card import answer, sections
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.told_events.events import event, seconds, tell

READS, SCANNED = 47, 48
"""People of list 3 whose mailbox is called inactive in two campaigns: two at once are no incident."""

RULES = "select contact_id, action, rule from plan_item i join plan p using (plan_id) where p.plan_id = :plan"


def send_and_maintain(made: Installation, subject: str) -> None:
    outcomes = {made.account.people[one]: "mailbox_inactive" for one in (READS, SCANNED)}
    made.control.send(made.account.lists.campaign_3, subject, profile="clean", outcomes=outcomes)
    made.clock.sleep(timedelta(hours=26).total_seconds())
    synchronise(made.services, progress=quietly)
    made.maintain(run_id=subject)


def verdicts(made: Installation) -> dict[int, tuple[str, str]]:
    ((plan,),) = made.query("select max(plan_id) from plan where kind = 'suppression'")
    by_id = {contact: person for person, contact in made.account.people.items()}
    return {by_id[row[0]]: (row[1], row[2]) for row in made.query(RULES, plan=plan)}


def test_who_opened_between_two_disputed_failures_is_watched(small: Installation) -> None:
    send_and_maintain(small, "Letter 3")
    assert {verdicts(small)[one] for one in (READS, SCANNED)} == {("monitor", "first_disputed_hit")}
    small.clock.sleep(timedelta(days=9).total_seconds())
    at = seconds(small.clock.now() - timedelta(hours=1))
    tell(
        small,
        event(small, READS, "open", agent="Mozilla/5.0 (iPhone)", time=at),
        event(small, SCANNED, "click", agent="Barracuda Sentinel", time=at),
    )
    send_and_maintain(small, "Letter 4")
    assert {one: verdicts(small)[one] for one in (READS, SCANNED)} == {
        READS: ("monitor", "engaged_since"),
        SCANNED: ("suppress", "second_hit"),
    }

    card = evidence_card(small.services, str(small.account.people[READS]))
    assert "opened or clicked on" in " ".join(answer(card))
    told = {section.title: " ".join(section.lines) for section in sections(card, full=True)}
    assert "Without the open or click on" in told["What would have changed it"]
    assert "Last open" in told["Deliveries"]
    silent = evidence_card(small.services, str(small.account.people[SCANNED]))
    told = {section.title: " ".join(section.lines) for section in sections(silent, full=True)}
    assert "An open or click since" in told["What would have changed it"]
    # The scanner's click is none.
    assert "ast click" not in told["Deliveries"]
