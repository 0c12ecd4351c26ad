"""The fixture of the tests of launch changes."""

from __future__ import annotations

import pytest

from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.launches.asked import follow


@pytest.fixture
def on(small: Installation) -> Services:
    """An installation whose launch changes are switched on, and that has looked at Mailjet before."""
    services = small.another(launches_from_here=True)
    follow(services)
    small.control.reset_requests()
    return services
