"""How many contacts would change lists after suppressions that were not carried out yet.

Belongs here: the same counts as a plan's, on the lists as they would be. Does not belong here: the plan, which is made on what
is really left (``plan_and_execute``), and how it is told (``core.reports``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.rebalancing.flows import plan_flows
from list_pipeline.core.reports.facts import RebalancingForecast
from list_pipeline.operations.campaigns.before_changes import is_enrolment_frozen, lists_not_rebalanced
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.rebalancing.plan_and_execute import policy_of
from list_pipeline.operations.services import Services
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans.plan_rows import StoredPlan


def forecast(services: Services, connection: Connection, suppression: StoredPlan) -> RebalancingForecast:
    """The moves and enrolments that would follow if everything was suppressed that the plan does not hold. Costs no request."""
    cycle = cycle_now(connection, services.clock.now())
    available = 0 if is_enrolment_frozen(services, connection) else queue.count_newcomers(connection)
    flows = plan_flows(
        queue.balance_sizes(connection, without_plan=suppression.plan_id),
        available,
        cycle.sent,
        lists_not_rebalanced(services, connection, cycle),
        policy_of(services),
    )
    return RebalancingForecast(flows.move_count, flows.enrolment_count)
