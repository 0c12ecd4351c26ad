"""How an error ends a step in Dagster, which keeps and shows the texts of all that led to it."""

from __future__ import annotations

import ast
import traceback

import dagster as dg
import pytest
from pydantic import BaseModel

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.defs.failures import clear_failures
from list_pipeline_tests.paths import CHECKOUT

ADDRESS = "jane.doe@example.com"


class Number(BaseModel):
    number: int


def of_ours() -> None:
    raise ListPipelineError("Reading a list", "no answer", "Run it again")


def of_ours_after_a_library() -> None:
    try:
        raise KeyError(ADDRESS)
    except KeyError as error:
        raise ListPipelineError("Reading a list", "no answer", "Run it again") from error


def of_ours_within_a_library() -> None:
    try:
        raise KeyError(ADDRESS)
    except KeyError:
        raise ListPipelineError("Reading a list", "no answer", "Run it again")  # noqa: B904


def of_a_library() -> None:
    Number.model_validate({"number": ADDRESS})


def of_a_library_deep() -> None:
    try:
        of_a_library()
    except ValueError as error:
        raise RuntimeError("nothing to see here") from error


def kept_by_dagster(fail: object) -> str:
    @dg.op
    def step() -> None:
        with clear_failures():
            fail()  # type: ignore[operator]

    @dg.job
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not result.success
        return "\n".join(map(str, instance.all_logs(result.run_id)))


@pytest.mark.parametrize("fail", [of_ours_after_a_library, of_ours_within_a_library, of_a_library, of_a_library_deep])
def test_no_address_of_whatever_led_to_a_failure_is_kept(fail: object) -> None:
    kept = kept_by_dagster(fail)
    assert "jane" not in kept
    assert "no answer" in kept or "[address]" in kept


def test_a_chain_that_names_nobody_is_kept_with_its_trace() -> None:
    assert "of_ours" in kept_by_dagster(of_ours)
    with pytest.raises(ZeroDivisionError), clear_failures():
        raise ZeroDivisionError


def test_every_look_of_a_sensor_ends_as_clearly_as_a_step() -> None:
    found = []
    for path in (CHECKOUT / "list_pipeline" / "defs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [ast.unparse(one) for one in getattr(node, "decorator_list", ())]
            if names and names[0].startswith("dg.sensor("):
                found.append((getattr(node, "name", ""), names[1:]))
    assert found
    assert [name for name, others in found if others != ["clear_failures()"]] == []


def test_a_look_that_fails_names_nobody_in_its_tick() -> None:
    @dg.sensor(job_name="some_job")
    @clear_failures()
    def looking(context: dg.SensorEvaluationContext) -> None:
        of_a_library()

    with pytest.raises(Exception, match=r".") as caught:
        looking(dg.build_sensor_context())
    assert "jane" not in "".join(traceback.format_exception(caught.value))
