"""Many cycles while people, failures and persons work against the product: who gets what, told by the sandbox's own log.

Between the rounds people sign up, unsubscribe, are taken off lists, moved and imported again by hand; maintenances are undone;
extra mailings go out. Nobody may get a cycle twice whom no report names, nobody who stood still may miss one, nobody who
unsubscribed may get another mail.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

CYCLES = 4


@dataclass
class World:
    """What happens around the product, and what the test knows of it without asking the product."""

    made: Installation
    dice: random.Random
    touched: set[int] = field(default_factory=set)
    """Contacts whom somebody but the product moved, took off, put on or excluded in the open cycle."""
    left: dict[int, int] = field(default_factory=dict)
    """Contacts that unsubscribed, to the mails that they had got until then."""
    signed_up: int = 0

    def standing(self) -> dict[int, ListRole]:
        """Everybody who could be mailed through exactly one campaign list."""
        found: Counter[int] = Counter()
        role_of: dict[int, ListRole] = {}
        for role in CAMPAIGN_LISTS:
            for contact_id in self.made.members(role):
                found[contact_id] += 1
                role_of[contact_id] = role
        out = self.made.excluded() | self.left.keys()
        return {i: role_of[i] for i, lists in found.items() if lists == 1 and i not in out}

    def mails(self, subject: str | None = None) -> Counter[int]:
        counted: Counter[int] = Counter()
        for one in self.made.control.ledger():
            if subject is None or one["subject"] == subject:
                counted.update(one["contact_ids"])
        return counted

    def happen(self) -> None:
        """Something happens to somebody."""
        standing = self.standing()
        contact_id = self.dice.choice(sorted(standing))
        role = standing[contact_id]
        match self.dice.choice(("unsubscribe", "take_off", "move", "import", "sign_up", "sign_up")):
            case "unsubscribe":
                self.made.control.unsubscribe(contact_id, self.made.account.lists[role])
                self.left[contact_id] = self.mails()[contact_id]
            case "take_off":
                self.made.take_off(role, contact_id)
                self.touched.add(contact_id)
            case "move":
                self.made.take_off(role, contact_id)
                self.made.put_on(self.dice.choice([one for one in CAMPAIGN_LISTS if one is not role]), contact_id)
                self.touched.add(contact_id)
            case "import":
                if self.left:
                    again = self.dice.choice(sorted(self.left))
                    synchronise(self.made.services, progress=quietly)
                    for place in self.made.places(again):
                        self.made.take_off(place, again)
                    synchronise(self.made.services, progress=quietly)
                    self.made.put_on(ListRole.MASTER, again)
            case "sign_up":
                self.signed_up += 1
                self.made.control.sign_up(f"new-{self.signed_up}@new.example.com", self.made.account.lists.master)

    def maintain(self) -> RunStatus:
        """The maintenance of the last send, and whatever a person has to approve for it."""
        key = self.made.key
        for number in range(4):
            status = workflow.maintain(
                self.made.services, key, run_id=f"{key}-{number}", progress=quietly
            ).report.facts.status
            if status is not RunStatus.PENDING_REVIEW:
                return status
            self._approve()
        raise AssertionError("the maintenance waits again and again")

    def _approve(self) -> None:
        waiting = self.made.query("select plan_id from plan where status = 'pending_review' and kind <> 'repair'")
        for (plan_id,) in waiting:
            with self.made.services.database.begin() as connection:
                plan = plan_rows.existing_plan(connection, plan_id)
            if plan.status is PlanStatus.PENDING_REVIEW:
                approve(self.made.services, plan_id, by="ada", content_hash=plan.content_hash)


@pytest.mark.parametrize("seed", [1, 2])
def test_everybody_gets_each_cycle_once_whatever_people_do(install_small: Install, seed: int) -> None:
    with install_small(enrol_newcomers="all") as made:
        world = World(made, random.Random(seed))
        for cycle in range(3, 3 + CYCLES):
            subject = f"Letter {cycle}"
            world.touched.clear()
            before = world.standing()
            seen = dict(before)
            for role in world.dice.sample(CAMPAIGN_LISTS, 3):
                if world.dice.random() < 0.15:
                    made.control.send(
                        made.account.lists[world.dice.choice(CAMPAIGN_LISTS)], f"Sale {cycle}", profile="clean"
                    )
                    made.clock.advance(timedelta(hours=25))
                    synchronise(made.services, progress=quietly)
                    rule_on_round(made.services, made.key, RoundRuling.NOT_A_ROUND, by="ada")
                members = sorted(made.members(role) & world.standing().keys())
                bouncing = dict.fromkeys(world.dice.sample(members, min(1, len(members))), "user_unknown")
                made.control.send(made.account.lists[role], subject, profile="clean", outcomes=bouncing)
                made.clock.advance(timedelta(hours=25))
                synchronise(made.services, progress=quietly)
                assert world.maintain() in (RunStatus.SUCCESS, RunStatus.REJECTED)
                if world.dice.random() < 0.2:
                    undo_maintenance(made.services, made.key, by="ada")
                for _ in range(world.dice.randint(0, 3)):
                    world.happen()
                synchronise(made.services, progress=quietly)
                seen = {i: each for i, each in seen.items() if i in world.standing()}
            got = world.mails(subject)
            findings = made.query("select summary from review_item where details ->> 'about' = 'mailed_twice'")
            named = " ".join(str(words) for (words,) in findings)
            twice = {i for i, count in got.items() if count > 1}
            assert {i for i in twice if str(i) not in named} == set(), f"cycle {cycle}: twice, and named by no report"
            assert twice <= world.touched, f"cycle {cycle}: twice without anybody's hand"
            missed = {i for i in seen.keys() - world.touched if got[i] == 0}
            assert missed == set(), f"cycle {cycle}: missed"
            after_leaving = {i for i, mails in world.left.items() if world.mails()[i] > mails}
            assert after_leaving == set(), f"cycle {cycle}: mailed after unsubscribing"
            assert not made.query(
                "select contact_id from contact_list_membership where in_suppression_list and not is_excluded"
            )
