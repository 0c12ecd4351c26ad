"""What Dagster keeps of a refusal is told apart from a failure."""

from __future__ import annotations

import dagster as dg
import pytest

from list_pipeline.core.errors import NotFoundError, PermanentError, RefusedError
from list_pipeline.defs.failures import clear_failures, refusal
from list_pipeline.defs.monitoring.run_failures import ended


@pytest.mark.parametrize(
    ("error", "is_refusal"),
    [
        (RefusedError("Deciding", "there is no name", "Say who you are"), True),
        (NotFoundError("Deciding", "there is no such plan", "List them"), True),
        (PermanentError("Reading Mailjet", "it refused the key", "Correct it"), False),
        (refusal("is_sure is not set"), True),
        (dg.Failure("broken"), False),
        (RuntimeError("a defect"), False),
    ],
)
def test_a_run_that_was_refused_is_known_as_such(error: Exception, is_refusal: bool) -> None:
    @dg.op
    def work() -> None:
        with clear_failures():
            raise error

    @dg.job
    def job() -> None:
        work()

    with dg.DagsterInstance.ephemeral() as instance:
        found = job.execute_in_process(instance=instance, raise_on_error=False)
        run = ended(instance, found.dagster_run)
    assert run.error is not None
    assert run.is_refusal is is_refusal
