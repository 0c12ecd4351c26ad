"""The service against its own description: requests that fit it and requests that do not, made up by schemathesis.

https://schemathesis.readthedocs.io
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from list_pipeline.api.app import create_app
from list_pipeline.api.description import describe
from list_pipeline.core.tokens import TOKENS, Role
from list_pipeline.operations import tokens
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline_tests.integration.accounts import Account, copy_database, installation
from list_pipeline_tests.integration.api.serving import Api, served

EXAMPLES = 4
"""Requests of each operation and kind (those that fit, those that do not): half a minute for all of them."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    missing_required_header,
    negative_data_rejection,
    unsupported_method,
]


@dataclass
class World:
    """A service with something of everything, what describes it, and the token of an administrator."""

    url: str
    description: dict[str, Any]
    token: str


@pytest.fixture(scope="module")
def world(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    name = "list_pipeline_test_described"
    drop_database(admin, name)
    copy_database(admin, knowing_hand_made, name)
    folder = tmp_path_factory.mktemp("described")
    with (
        installation(hand_made, folder, with_database(admin, name)) as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        # The allowance of a minute is not what is looked at here.
        patch.setattr(tokens, "TOKENS", replace(TOKENS, requests=10**6))
        made.maintain(made.another(list_management_mode="approval_required"))
        with served(made.services) as http:
            api = Api(made.services, http)
            yield World(str(http.base_url), describe(create_app(made.services)), api.tokens[Role.ADMINISTRATOR])
    drop_database(admin, name)


def operations(description: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and method of each operation but the figures for a monitor, which are no JSON."""
    return [
        (path, method)
        for path, methods in description["paths"].items()
        for method in methods
        if path not in ("/metrics", "/health", "/api/calendar.ics")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
def test_whatever_is_sent_is_answered_as_the_description_says(mode: schemathesis.GenerationMode, world: World) -> None:
    schema = schemathesis.openapi.from_dict(world.description)
    schema.config.update(base_url=world.url)
    for path, method in operations(world.description):
        operation = schema[path][method.upper()]

        @hypothesis.settings(
            max_examples=EXAMPLES,
            database=None,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def call(case: schemathesis.Case) -> None:
            headers = {"Authorization": f"Bearer {world.token}"}
            response = case.call(base_url=world.url, headers=headers, timeout=20)
            case.validate_response(response, checks=CHECKS)

        call()
