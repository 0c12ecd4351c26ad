"""Which look at a campaign a run is: what the launchpad shows, and what its configuration and its tag make of it."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.definitions import defs
from list_pipeline.defs.maintenance.sweeps import SWEEP_TAG, MaintenanceConfig, sweep_of_earlier
from list_pipeline_tests.e2e.code_location import IN_THIS_PROCESS, ui


def run(sweep: str | None = None, tag: str | None = None) -> dg.DagsterRun:
    """A run as it was started: with a configuration, a tag, both or neither."""
    config: dict[str, Any] = {"resources": {"maintenance": {"config": {"sweep": sweep}}}} if sweep else {}
    return dg.DagsterRun(job_name="j", run_config=config, tags={SWEEP_TAG: tag} if tag else {})


@pytest.mark.parametrize(
    ("configured", "tag", "expected"),
    [
        (None, None, Sweep.H24),
        (None, "72h", Sweep.H72),
        ("D7", None, Sweep.D7),
        ("D7", "7d", Sweep.D7),
    ],
)
def test_configuration_and_tag_each_name_the_look(configured: str | None, tag: str | None, expected: Sweep) -> None:
    config = MaintenanceConfig(sweep=Sweep[configured]) if configured else MaintenanceConfig()
    started = run(configured, tag)
    assert config.sweep_of(started) is expected
    assert sweep_of_earlier(started) is expected


@pytest.mark.parametrize("configured", ["H24", "D7"])
def test_two_different_looks_are_refused_also_when_one_is_the_default_written_down(configured: str) -> None:
    with pytest.raises(RefusedError, match=r"tag list_pipeline/sweep says 72h.*the same in both"):
        MaintenanceConfig(sweep=Sweep[configured]).sweep_of(run(configured, "72h"))


def test_a_tag_that_is_no_look_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"says 48h\. Known are 24h, 72h, 7d"):
        MaintenanceConfig().sweep_of(run(tag="48h"))


@pytest.mark.parametrize("job", ["post_campaign_maintenance", "maintenance_reporting"])
def test_the_launchpad_opens_with_the_look(job: str) -> None:
    with dg.instance_for_test(overrides=IN_THIS_PROCESS) as instance, ui(instance, defs) as browser:
        assert browser.launchpad(job)["resources"]["maintenance"] == {"config": {"sweep": "H24"}}
