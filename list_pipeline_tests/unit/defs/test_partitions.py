"""A sensor asks for the partitions of campaigns that have none yet, and for no other."""

from __future__ import annotations

import dagster as dg
import pytest

from list_pipeline.defs.partitions import CAMPAIGNS, adding


def test_only_campaigns_without_a_partition_are_added() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert CAMPAIGNS.name is not None
        instance.add_dynamic_partitions(CAMPAIGNS.name, ["2026-11-20-r1-7"])
        (request,) = adding(instance, ["2026-11-20-r1-7", "2026-11-21-r2-8"])
        assert (request.partitions_def_name, list(request.partition_keys)) == ("campaigns", ["2026-11-21-r2-8"])


@pytest.mark.parametrize("keys", [[], ["2026-11-20-r1-7"]])
def test_where_all_are_there_nothing_is_asked_of_the_daemon(keys: list[str]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert CAMPAIGNS.name is not None
        instance.add_dynamic_partitions(CAMPAIGNS.name, ["2026-11-20-r1-7"])
        assert not adding(instance, keys)
