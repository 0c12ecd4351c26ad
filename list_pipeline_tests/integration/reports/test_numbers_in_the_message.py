"""Every number in the message of a maintenance is one of the plan's or of the result's, whatever became of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reports.maintenance_report import write_report
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.runs.run import current
from list_pipeline_tests.integration.accounts import Account, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

JOB = "contact/managemanycontacts$"
REASONS = {
    "hard_bounce": "address does not exist",
    "soft_bounce_pattern": "failed again and again over weeks",
    "second_hit": "failed for the second time, a week or more apart",
    "complaint": "complained about spam",
}
IDENTITIES = (
    r"https?://\S+", r"`[^`]*`", r"\d{4}-\d\d-\d\d-r\d-d?\d+", r"\d{4}-\d\d-\d\d(?: \d\d:\d\d UTC)?",
    r"(?:List|round|letter) \d",
    r"run \w+", r"Maintenance log \d+", r"plan \d+", r"Plan \d+", r"after 72 hours", r"after 60 days",
    r"\d+ requests to Mailjet", r"0\.70 to 0\.85", r"target of 0\.1 %", r"1 domain",
)  # fmt: skip
"""What has digits and is no figure: names, times, numbers of rows, limits."""
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
OTHER_SECTIONS = ("To repair on our side", "Lists before and after", "Health of the lists", "What needs attention")
"""Sections about other figures than those of the plans."""


@dataclass
class Figures:
    """What the database knows of a campaign's two plans. ``planned``: what no person has to decide by itself."""

    planned: dict[str, int]
    confirmed: dict[str, int]
    held: int
    moves: dict[str, int]
    moved: dict[str, int]

    @property
    def suppress(self) -> int:
        return sum(self.planned.values())

    @property
    def suppressed(self) -> int:
        return sum(self.confirmed.values())


def figures(made: Installation) -> Figures:
    def by(statement: str) -> dict[str, int]:
        return {str(name): int(count) for name, count in made.query(statement)}

    done = """select i.{column}, count(*) from plan p join plan_item i using (plan_id) join change c using (plan_id, contact_id)
              where p.kind = '{kind}' and not exists (select 1 from change_step s where s.change_id = c.change_id
              and s.state not in ('confirmed', 'skipped'))
              and exists (select 1 from change_step s where s.change_id = c.change_id and s.state = 'confirmed') group by 1"""
    waiting = """exists (select 1 from review_item r
                         where r.plan_id = i.plan_id and r.contact_id = i.contact_id and r.kind = 'plan')"""
    suppress = "from plan p join plan_item i using (plan_id) where p.kind = 'suppression' and i.action = 'suppress'"
    return Figures(
        by(f"select i.reason, count(*) {suppress} and not i.is_held and not {waiting} group by 1"),
        by(done.format(column="reason", kind="suppression")),
        int(made.query(f"select count(*) {suppress} and (i.is_held or {waiting})")[0][0]),
        by(
            "select i.action, count(*) from plan p join plan_item i using (plan_id) where p.kind = 'rebalancing' group by 1"
        ),
        by(done.format(column="action", kind="rebalancing")),
    )


def told(made: Installation) -> str:
    """The report as it is written now, card and details."""
    return as_text(write_report(made.services, current(made.services, made.key)).message)


def about_plans(text: str) -> list[str]:
    """The lines about the plans and what became of them, without names and times."""
    kept, is_other = [], False
    for line in text.splitlines():
        if not line.strip():
            is_other = False
        is_other |= line in OTHER_SECTIONS
        if not is_other and not line.startswith(("⚠️", "Complaint rate", "Failures found", "Largest Distance")):
            for identity in IDENTITIES:
                line = re.sub(identity, "", line)
            kept.append(line)
    return kept


def assert_every_number(text: str, claims: dict[str, int]) -> None:
    """Each number of the text belongs to a claim, and each claim that the text makes has its value.

    Args:
        claims: pattern with one number as its group, to what the database says.
    """
    for line in about_plans(text):
        left = line
        for pattern, value in claims.items():
            for found in re.finditer(pattern, line):
                assert found.group(1).replace(",", "") == str(value), f"{line!r}: {value} by the database"
                left = left.replace(found.group(0), NUMBER.sub("", found.group(0)))
        assert NUMBER.findall(left) == [], f"{line!r}: {left!r} has a number that nothing claims"


def always(made: Installation, found: Figures) -> dict[str, int]:
    """What is true in every mode."""
    recipients, bounced = made.query(
        "select s.recipient_count, (select count(distinct contact_id) from bounce_event e where e.campaign_id = s.id "
        "and not e.is_contradictory) "
        "from campaign_schedule s where campaign_key = :key",
        key=made.key,
    )[0]
    ((questions, contacts, held),) = made.query(
        "select count(*), sum(case when contact_id is null then jsonb_array_length(details -> 'contact_ids') else 1 end),"
        " sum(jsonb_array_length(details -> 'contact_ids')) filter (where kind = 'incident')"
        " from review_item where status = 'open' and kind <> 'failed_item'"
        " and (contact_id is not null or details ->> 'contact_ids' is not null)"
    )
    return {
        r"^([\d,]+) recipients": recipients,
        r"([\d,]+) not delivered or complained(?: \([\d.]+ %\))": bounced,
        r"Not Delivered or Complained: ([\d,]+)(?: of [\d,]+ \([\d.]+ %\))": bounced,
        r"Held Until Answered: ([\d,]+)": found.held,
        r"([\d,]+) held until a mailing answers": found.held,
        r"([\d,]+) questions about": questions,
        r"questions? about ([\d,]+) contacts?": contacts or 0,
        r"([\d,]+) contacts? at \S* ?are held because of an incident": held or 0,
        r"Refused Because of the Sender: ([\d,]+)": failed(made, "block", "content"),
        r"Can Be Mailed: ([\d,]+)": sum(mailable for (mailable,) in made.query(ON_CAMPAIGN_LISTS)),
        r"([\d,]+) (?:contacts? )?(?:would be |of it are |of it is )?kept from mail": held or 0,
        r"([\d,]+) (?:was|were) not attempted": failed(made, "not_evidence"),
        r"([\d,]+) failed for an unclear reason": failed(made, "unknown"),
        r"([\d,]+) of them by one of Mailjet's two sources alone": contradictory(made),
        r"([\d,]+) contacts? (?:is|are) less certain": int(made.query(IN_DOUBT)[0][0]),
    }


ON_CAMPAIGN_LISTS = """
    select count(*) from contact_list_membership
    cross join lateral (values (in_campaign_list_1), (in_campaign_list_2), (in_campaign_list_3)) as there (is_there)
    where is_there and not is_unsubscribed and (not is_excluded or contact_id in (
        select contact_id from quarantine where state = 'active'))
"""
"""Whoever is in quarantine is mailed again by itself and counts as there."""
IN_DOUBT = """
    select count(*) from plan_item join plan using (plan_id)
    where kind = 'suppression' and not is_held and confidence >= 0.70 and confidence < 0.85 and not is_permanent_hard
"""


def failed(made: Installation, *classes: str) -> int:
    """Contacts whose failure is of one of these classes; what the two sources contradict each other about is unclear."""
    return int(
        made.query(
            "select count(distinct contact_id) from bounce_event e join campaign_schedule s on s.id = e.campaign_id "
            "where s.campaign_key = :key and (e.bounce_class = any(:classes) and not e.is_contradictory "
            "or 'unknown' = any(:classes) and e.is_contradictory)",
            key=made.key,
            classes=list(classes),
        )[0][0]
    )


def contradictory(made: Installation) -> int:
    """The contacts of whose failure one of Mailjet's sources knows nothing."""
    statement = (
        "select count(distinct contact_id) from bounce_event e join campaign_schedule s on s.id = e.campaign_id "
        "where s.campaign_key = :key and e.is_contradictory"
    )
    return int(made.query(statement, key=made.key)[0][0])


def suppressions(counted: dict[str, int], verb: str, label: str, mails: str) -> dict[str, int]:
    """The claims about suppressions that were carried out, or would be."""
    total, complained = sum(counted.values()), counted.get("complaint", 0)
    return {
        rf"{label}: ([\d,]+)$": total,
        rf"([\d,]+) contacts? {verb} suppressed": total,
        rf"{mails} mail ([\d,]+) contacts?": total,
        r"([\d,]+) that cannot be reached": total - complained,
        r"([\d,]+) who complained about spam": complained,
        r"Suppression , ([\d,]+) changes": total,
        **{rf"{REASONS[reason]}: ([\d,]+) (?:would be )?suppressed": count for reason, count in counted.items()},
    }


def would_suppress(found: Figures) -> dict[str, int]:
    return suppressions(found.planned, "would be", "Would Be Suppressed", "would no longer")


def did_suppress(found: Figures) -> dict[str, int]:
    return suppressions(found.confirmed, "(?:was|were)", "Contacts Suppressed", "no longer")


def moves(counted: dict[str, int], how: str) -> dict[str, int]:
    """The claims about moves and enrolments. ``how``: done, planned, or to follow."""
    moved, added = counted.get("move", 0), counted.get("enrol", 0)
    proof = r"(?:surplus [\d,]+, deficit [\d,]+, newcomers [\d,]+: at least [\d,]+ moves are needed; )"
    certificate = {proof + r"([\d,]+) (?:are|is) planned": moved}
    if how == "done":
        return {
            r"Contacts Rebalanced: ([\d,]+)$": moved + added,
            r"([\d,]+) contacts? changed or joined a list": moved + added,
            r"([\d,]+) moved between lists": moved,
            r"([\d,]+) added from the master list": added,
            **certificate,
        }
    then = "then " if how == "then" else ""
    return {
        rf"Would {then.title()}Change or Join a List: ([\d,]+)$": moved + added,
        rf"([\d,]+) contacts? would {then}change or join a list": moved + added,
        rf"([\d,]+) would {then}be moved": moved,
        r"(?:and )?([\d,]+) (?:would be )?added from the master list": added,
        r"Rebalancing , ([\d,]+) changes": moved + added,
        **certificate,
    }


@pytest.fixture
def at_work(install: Install, with_traps: Account, knowing_traps: str) -> Callable[..., Any]:
    """A factory of installations on the account with every trap."""
    return lambda mode: install(with_traps, knowing_traps, suppression_cap_percent=10.0, list_management_mode=mode)


def approve(made: Installation, kind: PlanKind) -> None:
    plan = made.plan(kind)
    reviews.approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)


@pytest.mark.parametrize("mode", ["read_only", "approval_required"])
def test_what_a_plan_would_do_is_told_as_it_is_planned_with_the_moves_that_would_follow(
    at_work: Callable[..., Any], mode: str
) -> None:
    with at_work(mode) as made:
        made.maintain()
        text, found, known = told(made), figures(made), always(made, figures(made))
        assert (found.suppressed, found.moves) == (0, {})
        # What would follow is what follows.
        free = made.another(list_management_mode="approval_required")
        made.maintain(free, run_id="second")
        approve(made, PlanKind.SUPPRESSION)
        made.maintain(free, run_id="third")
        later = figures(made)
        second = told(made)
        assert made.plan(PlanKind.REBALANCING).status == "pending_review"
        second_known = always(made, later)
    assert found.suppress > 40
    assert_every_number(text, {**known, **would_suppress(found), **moves(later.moves, "then")})
    assert f"Would Be Suppressed: {found.suppress}" in text
    assert f"Would Then Change or Join a List: {sum(later.moves.values())}" in text
    # The first half is done, the second waits.
    assert_every_number(second, {**second_known, **did_suppress(later), **moves(later.moves, "planned")})
    assert f"Contacts Suppressed: {found.suppress}" in second


def test_what_was_done_is_told_as_the_journal_has_it(at_work: Callable[..., Any]) -> None:
    with at_work("auto") as made:
        made.maintain()
        text, found, known = told(made), figures(made), always(made, figures(made))
    assert found.suppressed > 40
    assert sum(found.moved.values()) > 10
    assert_every_number(text, {**known, **did_suppress(found), **moves(found.moved, "done")})
    assert f"Held Until Answered: {found.held}" in text


def test_what_was_done_in_part_is_told_against_what_was_to_be_done(small: Installation) -> None:
    small.control.add_fault("job_half_applied", path=JOB, method="POST", count=1)
    small.control.add_fault("job_without_effect", path=JOB, method="POST", nth=2, count=2)
    small.maintain()
    found, text = figures(small), told(small)
    assert 0 < found.suppressed < found.suppress
    assert f"Contacts Suppressed: {found.suppressed}/{found.suppress}\n" in text
    assert f"Failed Suppressions: {found.suppress - found.suppressed}\n" in text
    for reason, count in found.planned.items():
        done = found.confirmed.get(reason, 0)
        said = f"{done} suppressed" if done == count else f"{done} of {count} suppressed"
        assert f"{REASONS[reason]}: {said}" in text


@pytest.mark.parametrize("decision", ["reject", "expire"])
def test_of_a_plan_that_was_turned_down_it_is_told_how_many_are_left_out(install_small: Install, decision: str) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        getattr(reviews, decision)(made.services, made.plan(PlanKind.SUPPRESSION).plan_id, by="ada")
        made.maintain(run_id="second")
        found, text = figures(made), told(made)
    assert ("Plan Rejected" in text) == (decision == "reject")
    assert ("Nobody Decided" in text) == (decision == "expire")
    assert f"Contacts Suppressed: 0 ({found.suppress} left out)\n" in text
    for reason, count in found.planned.items():
        assert f"{REASONS[reason]}: {count} left out\n" in text
    assert f"{found.suppress} contacts of the plan are not suppressed." in text
    assert "would" not in text
    assert "Held Until Answered" not in text


def test_after_an_undo_it_is_told_how_much_was_taken_back_and_what_stands(maintained: Installation) -> None:
    small = maintained
    before = figures(small)
    corrections = undo_maintenance(small.services, small.key, by="ada", note="a mistake", progress=quietly)
    done = sum(one.facts.done for one in corrections)
    text = told(small)
    # A complaint is not taken back without an override.
    stands = before.confirmed["complaint"]
    assert f"{done} changes taken back, {stands} left as they are." in text
    assert f"• {stands}: complained about spam" in text
    assert done == before.suppressed - stands + sum(before.moved.values())
    assert "Expected effect" not in text
