"""A random share of would-be suppressions is kept from mail, mailed, and counted in what is known of wrong suppressions."""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.suppression.sample import is_drawn
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.monitoring.decision_review import review_day
from list_pipeline.operations.quarantine.release import quarantined, release_due
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.quarantine.test_life import pass_days

PERCENT = 20.0


def drawn_of(made: Installation) -> set[int]:
    found = made.query("select contact_id from plan_item where rule = 'tested_first'")
    return {int(row[0]) for row in found}


def join(made: Installation, email: str) -> int:
    made.control.sign_up(email, made.account.lists.master)
    return made.control.sign_up(email, made.account.lists[ListRole.CAMPAIGN_3])


def test_who_is_drawn_is_tested_by_a_mailing_and_counted(install_small: Install) -> None:
    with install_small(suppression_test_percent=PERCENT) as made:
        # Nothing was ever delivered to them, so the first hard bounce suppresses.
        bounced = {join(made, f"bought.{number}@gmail.com") for number in range(20)}
        made.control.set_switches(preblock_after_hard_bounce=False)
        made.control.send(
            made.account.lists[ListRole.CAMPAIGN_3],
            "Letter 8",
            profile="clean",
            outcomes=dict.fromkeys(bounced, "user_unknown"),
        )
        made.clock.advance(timedelta(hours=25))
        synchronise(made.services, progress=quietly)
        made.maintain()
        ((campaign_id,),) = made.query("select id from campaign_schedule where campaign_key = :key", key=made.key)
        would_be = {
            int(row[0])
            for row in made.query("select contact_id from plan_item where action = 'suppress' and not is_held")
        }
        drawn = drawn_of(made)
        assert drawn
        assert all(is_drawn(one, campaign_id, PERCENT) for one in drawn)
        assert not any(is_drawn(one, campaign_id, PERCENT) for one in would_be)
        assert {one.contact_id for one in quarantined(made.services)} == drawn
        assert drawn <= made.excluded()
        assert not drawn & made.members(ListRole.SUPPRESSION)

        # The look after three days leaves them alone.
        pass_days(made, 2)
        workflow.maintain(made.services, made.key, sweep=Sweep.H72, run_id="later", progress=quietly)
        assert not drawn & made.members(ListRole.SUPPRESSION)

        pass_days(made, 4)
        assert release_due(made.services, quietly) is not None
        works = min(drawn)
        made.control.send(
            made.account.lists[ListRole.CAMPAIGN_3],
            "Letter 9",
            profile="clean",
            outcomes=dict.fromkeys(drawn - {works}, "user_unknown"),
        )
        made.clock.advance(timedelta(hours=25))
        synchronise(made.services, progress=quietly)
        made.maintain(run_id="second")
        assert works not in made.members(ListRole.SUPPRESSION)
        assert drawn - {works} <= made.members(ListRole.SUPPRESSION), "nobody is drawn twice"

        figures = review_day(made.services, made.clock.now().date()).figures
        found = figures.suppressions
        assert (found.tested, found.tested_delivered) == (len(drawn), 1)
        assert found.judged >= len(drawn)


def test_without_the_setting_nobody_is_drawn(maintained: Installation) -> None:
    small = maintained
    assert drawn_of(small) == set()
    assert quarantined(small.services) == ()
