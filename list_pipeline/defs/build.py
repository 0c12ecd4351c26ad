"""The one place where the code location is put together; tests build it with other resources.

What stands at module level in a package of ``defs`` exists in the code location: an asset, a check, a job, a schedule or a
sensor, alone or in a list. Nothing has to be named here as well. Rejected: ``load_definitions_from_package_module``, which
is a preview in this version of Dagster and warns at every start; ``load_from_defs_folder``, which needs the project's
``pyproject.toml`` beside the installed package.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

import list_pipeline.defs
from list_pipeline.defs.common import EXECUTOR
from list_pipeline.defs.maintenance.sweeps import MAINTENANCE, MaintenanceConfig
from list_pipeline.defs.resources import ServicesResource


def build_defs(services: dg.ResourceDefinition | None = None) -> dg.Definitions:
    """Everything that exists in this code location.

    Args:
        services: a resource that yields ``Services`` made of other settings than the environment's.
    """
    found = {id(each): each for module in _modules(list_pipeline.defs) for each in _objects(module)}.values()
    checks = [each for each in found if isinstance(each, dg.AssetChecksDefinition)]
    return dg.Definitions(
        assets=[each for each in found if isinstance(each, dg.AssetsDefinition) and each not in checks],
        asset_checks=checks,
        jobs=[each for each in found if isinstance(each, dg.JobDefinition | UnresolvedAssetJobDefinition)],
        sensors=[each for each in found if isinstance(each, dg.SensorDefinition)],
        schedules=[each for each in found if isinstance(each, dg.ScheduleDefinition)],
        resources={
            "services": services or ServicesResource(),
            MAINTENANCE: MaintenanceConfig.configure_at_launch(),
        },
        executor=EXECUTOR,
    )


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if each.name != __name__:
            yield import_module(each.name)


def _objects(module: ModuleType) -> Iterator[object]:
    for value in vars(module).values():
        yield from value if isinstance(value, list) else [value]
