"""Quarantine from the Launchpad, and the sensor that ends what is over."""

from __future__ import annotations

from typing import Any

import dagster as dg

from list_pipeline.defs.build import build_defs
from list_pipeline.defs.quarantine.jobs import quarantines_that_are_over
from list_pipeline.operations.quarantine.release import quarantined
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.quarantine.test_life import pass_days

SAID = {"by": "A. Person", "note": "its provider migrates"}


def launched(made: Installation, job: str, op: str, **config: Any) -> bool:
    defs = build_defs(dg.ResourceDefinition.hardcoded_resource(made.services))
    found = defs.resolve_job_def(job).execute_in_process(
        run_config={"ops": {op: {"config": config}}}, raise_on_error=False
    )
    return found.success


def ticked(made: Installation | Stopped) -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"services": made.services})
        return quarantines_that_are_over(context)


def test_a_person_keeps_a_contact_from_mail_and_the_sensor_ends_it(small: Installation) -> None:
    one = small.account.people[5]
    assert launched(small, "quarantine_contact", "keep_from_mail", contact_id=one, days=2, **SAID)
    assert one in small.excluded()
    assert "No quarantine is over." in str(ticked(small))
    pass_days(small, 2)
    stopped = ticked(Stopped(small))
    assert "1 contact to be mailed again" in str(stopped)
    (request,) = ticked(small).run_requests
    assert launched(small, "release_quarantine", "mail_again", **request.run_config["ops"]["mail_again"]["config"])
    assert one not in small.excluded()
    assert quarantined(small.services) == ()


class Stopped:
    """The same installation while no list may be changed."""

    def __init__(self, made: Installation) -> None:
        self.services = made.another(list_management_mode="read_only")


def test_what_is_not_in_quarantine_or_has_no_reason_fails(small: Installation) -> None:
    one = small.account.people[5]
    assert not launched(small, "release_quarantine", "mail_again", contact_id=one, **SAID)
    assert not launched(small, "quarantine_contact", "keep_from_mail", contact_id=one, by="A. Person", note=" ")
    assert launched(small, "quarantine_contact", "keep_from_mail", contact_id=one, **SAID)
    assert launched(small, "release_quarantine", "mail_again", contact_id=one, **SAID)
    assert one not in small.excluded()


def test_no_run_is_asked_for_while_what_mailjet_shows_cannot_be_read(small: Installation) -> None:
    one = small.account.people[5]
    assert launched(small, "quarantine_contact", "keep_from_mail", contact_id=one, days=2, **SAID)
    pass_days(small, 2)
    at = small.clock.now()
    insert = """insert into unreadable_row (kind, row_id, contact_id, problem, first_seen_at, last_seen_at)
        values ('contact', :id, :id, 'no state', :at, :at) returning 1"""
    small.query(insert, id=one, at=at)
    assert "but of 1 contact: what Mailjet shows of it cannot be read" in str(ticked(small))
    small.query("update unreadable_row set ended_at = :at where contact_id = :id returning 1", id=one, at=at)
    assert ticked(small).run_requests
