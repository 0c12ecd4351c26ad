"""How much more than by chance the campaigns of the account differ: the one figure by which every interval is widened."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.incidents.policy import INCIDENTS
from list_pipeline.core.incidents.usual import usual_of
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.storage import incidents as incident_rows


def overdispersion_of_account(connection: Connection, until: datetime) -> float:
    """The overdispersion (a share) that the incident test works with after the campaigns that were sent by then: estimated from
    the account's own, and the figure to begin with before these are enough."""
    return usual_of(incident_rows.counts_until(connection, until), operators_of(connection), INCIDENTS).overdispersion
