"""The job that explains a contact, launched from the Launchpad."""

from __future__ import annotations

import dagster as dg
import pytest

from list_pipeline.core.evidence_card.card import answer
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures

pytestmark = pytest.mark.long


def explain(home: DagsterHome, contact_id: int) -> dg.ExecuteInProcessResult:
    return home.defs.resolve_job_def("explain_contact").execute_in_process(
        instance=home.instance,
        run_config={"ops": {"show_evidence_card": {"config": {"contact_id": contact_id}}}},
        raise_on_error=False,
    )


def test_the_metadata_of_the_step_is_the_card(home: DagsterHome, due: dg.RunRequest) -> None:
    assert home.execute(due).success
    (row,) = home.rehearsal.rows("select min(contact_id) as contact_id from contact_suppression_history")
    contact_id = int(row["contact_id"])
    requests = home.rehearsal.control.requests()
    result = explain(home, contact_id)
    assert result.success
    assert home.rehearsal.control.requests() == requests
    (output,) = [e for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_OUTPUT]
    shown = output.step_output_data.metadata
    card = evidence_card(home.rehearsal.services, str(contact_id))
    assert shown["answer"].value == " ".join(answer(card))
    assert shown["answer"].value.startswith("Suppressed since ")
    assert {"What would have changed it", "Failures", "Deliveries", "Plans and decisions"} <= set(shown)
    assert str(shown["What would have changed it"].value).startswith("- ")
    assert {name for name, value in shown.items() if "@" in str(value.value)} == {"contact"}
    assert shown["contact"].value == card.masked


def test_an_unknown_contact_fails_with_a_sentence_that_says_what_to_do(home: DagsterHome) -> None:
    result = explain(home, 4711)
    assert not result.success
    (failure,) = failures(result).values()
    assert "Looking for contact 4711: we have no row of it. Run `list-pipeline sync`" in failure
