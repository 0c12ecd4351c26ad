"""The account of twelve campaigns, played once for all tests of the replay."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline_tests.integration.accounts import Account, copy_database, installation
from list_pipeline_tests.integration.replay.twelve_campaigns import Played, play


@pytest.fixture(scope="package")
def played(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """The account is played once: no test changes it."""
    name = f"list_pipeline_test_replay_{uuid.uuid4().hex[:12]}"
    copy_database(admin, knowing_hand_made, name)
    with installation(hand_made, tmp_path_factory.mktemp("replay"), with_database(admin, name)) as made:
        yield play(made)
    drop_database(admin, name)
