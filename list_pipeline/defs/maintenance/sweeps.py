"""Which look at a campaign a run is: configuration that the launchpad shows, and the tag that sensors set.

Belongs here: reading both. Does not belong here: what a look does (``operations.maintenance``).
"""

from typing import Any

import dagster as dg
from pydantic import Field

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.plan import Sweep

SWEEP_TAG = "list_pipeline/sweep"
ATTEMPT_TAG = "list_pipeline/attempt"
"""The attempt that a sensor asked for a run about."""
MAINTENANCE = "maintenance"
"""The resource's name, which stands in every run's configuration."""


class MaintenanceConfig(dg.ConfigurableResource[None]):
    """How a campaign is looked at. A resource, because it holds for the whole run: steps of one run cannot disagree."""

    sweep: Sweep = Field(
        default=Sweep.H24, description="Which look at a campaign: H24, the main one, or H72 or D7 for late bounces."
    )

    def sweep_of(self, run: dg.DagsterRun) -> Sweep:
        """Which look at the campaign a run is: its tag's, else its configuration's.

        A default that nobody wrote does not contradict the tag: sensors set the tag only.

        Raises:
            RefusedError: the tag names no look, or another one than the configuration that was given.
        """
        tag = run.tags.get(SWEEP_TAG)
        if tag is None:
            return self.sweep
        tried = "Choosing the look at the campaign"
        if tag not in list(Sweep):
            raise RefusedError(tried, f"the tag {SWEEP_TAG} says {tag}", f"Known are {', '.join(Sweep)}")
        if configured_sweep(run) not in (None, Sweep(tag)):
            raise RefusedError(
                tried,
                f"the run's configuration says {self.sweep.value}, and its tag {SWEEP_TAG} says {tag}",
                "Start it again with one of them, or with the same in both",
            )
        return Sweep(tag)


def configured_sweep(run: dg.DagsterRun) -> Sweep | None:
    """The look that a run's configuration names, None where it was left to its default."""
    given: Any = run.run_config
    name = given.get("resources", {}).get(MAINTENANCE, {}).get("config", {}).get("sweep")
    return None if name is None else Sweep[name]


def sweep_of_earlier(run: dg.DagsterRun | None) -> Sweep:
    """Which look a run was that is over; the main one where Dagster no longer knows the run."""
    if run is None:
        return Sweep.H24
    return configured_sweep(run) or Sweep(run.tags.get(SWEEP_TAG, Sweep.H24.value))
