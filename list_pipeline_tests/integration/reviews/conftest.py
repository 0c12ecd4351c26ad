"""An office whose questions arrive in a rehearsed Slack: one for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline_tests.integration.accounts import copy_database
from list_pipeline_tests.integration.desks import Desk, desk


@pytest.fixture(scope="module")
def slack_desk(admin: str, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two people are known there, and a plan over the cap needs both."""
    name = "list_pipeline_test_slack_desk"
    drop_database(admin, name)
    copy_database(admin, migrated, name)
    with desk(with_database(admin, name), tmp_path_factory.mktemp("slack"), list_approvals_over_cap=2) as made:
        yield made
    drop_database(admin, name)
