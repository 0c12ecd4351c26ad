"""``list-pipeline mcp``: a process of its own, as a desktop client starts it, and whom it takes its caller for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from list_pipeline.core.errors import ConfigurationError, RefusedError
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.tokens import TOKENS, Role
from list_pipeline.mcp.errors import CallerUnknownError
from list_pipeline.mcp.stdio import LOCAL, admitting
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import create_token, revoke_token
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.mcp.clients import answer_of, text_of
from list_pipeline_tests.paths import CHECKOUT


def environment(services: Services, **more: str) -> dict[str, str]:
    """The settings of an installation, on the clock of its rehearsal, as a process gets them."""
    settings = services.settings
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    plain = {n: v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for n, v in values.items() if v}
    kept = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    return {**kept, **{name.upper(): value for name, value in plain.items()}, "PYTHONPATH": str(CHECKOUT), **more}


def test_a_client_starts_the_process_and_approves_as_the_person_of_its_token(
    small: Installation, tmp_path: Path
) -> None:
    small.maintain(small.another(list_management_mode="approval_required"))
    token, _ = create_token(small.services, "Ada", Role.REVIEWER, by="Grace")
    waiting = small.plan(PlanKind.SUPPRESSION)
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "list_pipeline.cli", "mcp"],
        env=environment(small.services, MCP_TOKEN=token, REHEARSAL_CLOCK_URL=small.server.url, LOG_LEVEL="debug"),
        cwd=tmp_path,
    )

    async def played() -> Any:
        with (tmp_path / "stderr").open("w") as said:
            async with Client(stdio_client(started, errlog=said)) as client:
                tools = {one.name for one in (await client.list_tools()).tools}
                shown = answer_of(await client.call_tool("plan", {"number": waiting.plan_id}))
                asked = {"number": waiting.plan_id, "contentHash": shown["contentHash"]}
                done = answer_of(await client.call_tool("approve_plan", asked))
                again = await client.call_tool("approve_plan", asked)
                bad = await client.call_tool("contact", {"contact": "jane.doe@example.com"})
                return tools, done, again, bad

    tools, done, again, bad = anyio.run(played)
    assert {"approve_plan", "set_mode"} <= tools
    assert done["status"] == "approved"
    assert "approved by Ada now" in text_of(again)
    assert bad.is_error
    assert small.plan(PlanKind.SUPPRESSION).decided_by == "Ada"
    logged = (tmp_path / "stderr").read_text()
    assert "a tool is called" in logged
    assert "Traceback" not in logged
    assert token not in logged
    assert "jane.doe" not in logged + text_of(bad)

    # Whoever closes standard input ends it, by itself and well.
    ended = subprocess.run(
        [started.command, *started.args, "--json"],
        env={**os.environ, **(started.env or {})},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"acts_for": "Ada", "role": "reviewer"}), ended.stderr


def test_without_a_token_everything_can_be_read_and_nothing_decided(small: Installation) -> None:
    who = admitting(small.services)(None, True)
    assert who == LOCAL
    assert who.role is Role.READER


def test_a_token_that_is_not_known_ends_the_start(small: Installation) -> None:
    for wrong in ("x", "lp_" + "A" * 43):
        with pytest.raises(ConfigurationError, match="MCP_TOKEN"):
            admitting(small.another(mcp_token=wrong))


def test_a_token_is_looked_up_and_counted_at_each_call(small: Installation) -> None:
    token, made = create_token(small.services, "Ada", Role.READER, by="Grace")
    admit = admitting(small.another(mcp_token=token))
    assert {admit(None, False).name for _ in range(TOKENS.requests)} == {"Ada"}
    assert {admit(None, True).name for _ in range(TOKENS.requests)} == {"Ada"}
    with pytest.raises(RefusedError, match="too often"):
        admit(None, True)
    revoke_token(small.services, made.token_id, by="Grace", note="lost with a laptop")
    with pytest.raises(CallerUnknownError):
        admit(None, False)
