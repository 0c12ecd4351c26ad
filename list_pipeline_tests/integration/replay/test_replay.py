"""Rule sets over twelve campaigns that are over: what each would have removed, where they differ, and that nothing changes."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.replay.comparison import Comparison, Figures
from list_pipeline.core.replay.rule_sets import Outcome
from list_pipeline.operations.replay.replay import ReplayRequest, replay
from list_pipeline.storage.database import execute
from list_pipeline.storage.database_errors import DatabaseUnavailableError
from list_pipeline.storage.replay import unchanging
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.replay.twelve_campaigns import Played

EVERY = (
    "ours",
    "ours-without-incidents",
    "ours-without-grace",
    "ours-first",
    "listmonk",
    "civicrm",
    "mailchimp",
    "any-5xx",
)


def asked(played: Played, *rules: str, **more: object) -> Comparison:
    return replay(played.made.services, ReplayRequest(rules=rules or EVERY, **more), quietly)  # type: ignore[arg-type]


def figures(found: Comparison, name: str) -> Figures:
    return next(one for one in found.figures if one.name == name)


def removed(found: Comparison, name: str) -> set[int]:
    """The contacts that a rule set removes and another does not, or later."""
    return {one.contact_id for one in found.differences if name in one.positions and one.positions[name].is_removed}


def test_twelve_campaigns_show_where_the_rules_differ(played: Played) -> None:
    found = asked(played)
    assert [one.key for one in found.campaigns] == played.keys
    # An outage: nobody good with ours, everybody it struck with the others, who were all reached later.
    assert not removed(found, "ours") & (played.struck | played.blocked)
    assert figures(found, "ours").reached_later == 0
    assert figures(found, "ours").held == len(played.struck)
    for name in ("listmonk", "civicrm", "mailchimp", "any-5xx", "ours-first"):
        assert played.struck <= removed(found, name), name
        assert figures(found, name).reached_later >= len(played.struck)
    # Our own fault: those are removed whose rules ask nobody whom a refusal means.
    for name in ("listmonk", "civicrm", "any-5xx"):
        assert played.blocked <= removed(found, name), name
    assert not played.blocked & removed(found, "mailchimp")
    # Who is really gone goes with all of them, with ours a cycle later.
    gone = [one for one in found.differences if one.contact_id in played.gone]
    assert {one.contact_id for one in gone} == played.gone
    for one in gone:
        assert all(position.is_removed for position in one.positions.values())
        assert one.positions["ours"].campaign == played.keys[6]
        assert one.positions["listmonk"].campaign == played.keys[3]
        assert one.is_good is False
    assert figures(found, "ours").hard_again == len(played.gone)
    assert figures(found, "listmonk").hard_again == 0
    # Full mailboxes: a pattern with ours, three with CiviCRM, nothing with listmonk.
    full = next(one for one in found.differences if one.contact_id in played.full)
    assert {name for name, position in full.positions.items() if not position.is_removed} == {
        "listmonk", "mailchimp", "any-5xx",
    }  # fmt: skip
    assert full.positions["listmonk"].judgement.reason == "Kept: soft never removes."


def test_the_present_rules_give_what_was_really_planned(played: Played) -> None:
    found = asked(played, "ours")
    planned = played.made.query(
        """select s.campaign_key, count(*) filter (where i.action = 'suppress' and not i.is_held),
                  count(*) filter (where i.is_held), count(*) filter (where i.action <> 'suppress')
           from plan p join plan_item i using (plan_id) join campaign_schedule s on s.id = p.campaign_id
           where p.kind = 'suppression' group by 1"""
    )
    expected = {key: counts for key, *counts in planned}
    for one in found.campaigns:
        got = found.in_campaigns[one.key]["ours"]
        assert [got.removed, got.held, got.kept] == expected.get(one.key, [0, 0, 0]), one.key
        assert got.removed == one.suppressed


def state(played: Played) -> str:
    """Every row of every table."""
    names = played.made.query(
        "select table_name from information_schema.tables where table_schema = 'list_pipeline' and table_name !~ 'yoyo'"
    )
    return str(
        [
            (
                name,
                played.made.query(f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t"),
            )
            for (name,) in sorted(names)
        ]
    )


def test_a_replay_changes_no_row_and_makes_no_request(played: Played) -> None:
    before = state(played)
    played.made.control.reset_requests()
    first = asked(played, changes={"grace_days": "0"})
    assert first == asked(played, changes={"grace_days": "0"})
    assert state(played) == before
    assert played.made.control.requests() == {}


def test_the_database_refuses_a_write_within_a_replay(played: Played) -> None:
    with (
        pytest.raises(DatabaseUnavailableError, match="ReadOnlySqlTransaction"),
        unchanging(played.made.services.database) as connection,
    ):
        execute(connection, "delete from plan")


def test_a_changed_figure_is_a_rule_set_of_its_own(played: Played) -> None:
    found = asked(played, "ours", changes={"incidents.least_hard": "1000", "grace_days": "0"})
    assert [one.name for one in found.figures] == ["ours", "changed"]
    assert removed(found, "changed") >= played.struck
    assert figures(found, "changed").title == "our rules with incidents.least_hard 1000, grace_days 0"
    same = asked(played, "ours", changes={"grace_days": "180"})
    assert same.differences == ()


def test_whom_a_rule_set_removed_gets_no_further_campaign_in_its_replay(played: Played) -> None:
    found = asked(played, "any-5xx")
    judged = {key: counts["any-5xx"] for key, counts in found.in_campaigns.items()}
    later = judged[played.keys[6]]
    assert (later.removed, later.held, later.kept) == (0, 0, 0)


def test_the_campaigns_are_chosen_by_number_day_or_key(played: Played) -> None:
    assert [one.key for one in asked(played, "ours", campaigns=3).campaigns] == played.keys[-3:]
    assert [one.key for one in asked(played, "ours", campaigns=2, until=played.keys[4]).campaigns] == played.keys[3:5]
    first, last = date(2026, 11, 24), date(2026, 11, 30)
    within = asked(played, "ours", sent_from=first, sent_to=last)
    assert [one.key for one in within.campaigns] == played.keys[3:6]
    every = asked(played, "ours", sent_from=date(2000, 1, 1))
    assert len(every.campaigns) > len(played.keys)
    assert asked(played, "ours", sent_from=last + timedelta(days=300)).campaigns == ()
    assert len(asked(played, "ours", campaigns=100).campaigns) > len(played.keys)


def test_an_outage_at_the_first_campaign_is_told_by_what_is_remembered_from_before(played: Played) -> None:
    found = asked(played, "ours", campaigns=1, until=played.keys[3])
    assert found.in_campaigns[played.keys[3]]["ours"].held == len(played.struck | played.gone)


def test_differences_belong_to_the_campaigns_in_which_somebody_is_removed(played: Played) -> None:
    found = asked(played, "ours", "listmonk")
    struck = {one.contact_id for one in found.differences_in(played.keys[3])}
    assert struck == played.struck | played.gone
    assert {one.contact_id for one in found.differences_in(played.keys[7])} == played.blocked
    assert found.differences_in(played.keys[1]) == ()


@pytest.mark.parametrize(
    "wrong",
    [{"rules": ("mailman",)}, {"campaigns": 0}, {"campaigns": 501}, {"changes": {"grace": "1"}}],
)
def test_what_makes_no_sense_is_refused(small: Installation, wrong: dict[str, object]) -> None:
    with pytest.raises(RefusedError):
        replay(small.services, ReplayRequest(**wrong), quietly)  # type: ignore[arg-type]


def test_a_campaign_that_is_not_known_is_named_so(small: Installation) -> None:
    with pytest.raises(NotFoundError):
        replay(small.services, ReplayRequest(until="2020-01-01-r1-1"), quietly)


def test_past_campaigns_can_be_replayed_before_anything_was_planned(small: Installation) -> None:
    assert small.query("select count(*) from incident_count") == [(0,)]
    found = replay(small.services, ReplayRequest(rules=("ours", "any-5xx")), quietly)
    assert found.campaigns
    assert found.readings >= len(found.campaigns)
    assert small.query("select count(*) from incident_count") == [(0,)]


def test_who_was_erased_since_is_left_out_and_counted(maintained: Installation) -> None:
    small = maintained
    dead = small.account.people[HARD[0]]
    before = replay(small.services, ReplayRequest(rules=("any-5xx",)), quietly)
    with small.services.database.begin() as connection:
        execute(connection, "update contact_list_membership set is_anonymised = true where contact_id = :id", id=dead)
    after = replay(small.services, ReplayRequest(rules=("any-5xx",)), quietly)
    assert (before.left_out, after.left_out) == (0, 1)
    assert after.figures[0].removed == before.figures[0].removed - 1


def test_no_address_is_in_what_a_replay_says(played: Played) -> None:
    assert not re.search(r"[\w.]+@[\w.]+", repr(asked(played)))
    assert {
        position.judgement.outcome for one in asked(played).differences for position in one.positions.values()
    } == set(Outcome)
