"""The daily reconciliation as Dagster runs it: what people see of it, and that it only reads."""

from __future__ import annotations

from list_pipeline_tests.e2e.dagster_runs import ADDRESS, DagsterHome, strings_in


def test_the_job_shows_drift_by_contact_id_and_its_rules_as_checks(home: DagsterHome) -> None:
    account = home.rehearsal
    first, second = account.campaign_lists[:2]
    suppressed = next(iter(set(account.members(account.lists[4]))))
    only_first = next(i for i in account.members(first) if account.places()[i] == {account.lists[0], first})
    # Two people at Mailjet's own desk: one contact in a second list, a suppressed one back in a list.
    for contact_id in (only_first, suppressed):
        email = account.people()[contact_id]["Email"]
        answer = account.http.post(
            f"/contactslist/{second}/managecontact", json={"Email": email, "Action": "addnoforce"}
        )
        assert answer.status_code == 201, answer.text
    account.control.reset_requests()
    result = home.defs.resolve_job_def("list_reconciliation_job").execute_in_process(instance=home.instance)
    assert result.success
    (event,) = result.asset_materializations_for_node("list_reconciliation")
    shown = {name: getattr(value, "value", value) for name, value in event.metadata.items()}
    assert shown["in_two_campaign_lists"] >= 1
    assert shown["suppressed_and_listed"] >= 1
    assert str(only_first) in str(shown["table"])
    assert str(suppressed) in str(shown["table"])
    assert not any(ADDRESS.search(text) for text in strings_in(event.metadata))
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks == {
        "rows_agree_with_mailjet": False,
        "lists_do_not_overlap": False,
        "suppressed_stay_out": False,
        "journal_knows_our_work": True,
        "mass_changes_are_decided": True,
    }
    assert account.changing_requests() == {}


def test_the_schedule_asks_for_one_run_a_day(home: DagsterHome) -> None:
    schedule = home.defs.resolve_schedule_def("daily_reconciliation")
    assert schedule.cron_schedule == "10 4 * * *"
    assert schedule.execution_timezone == "UTC"
