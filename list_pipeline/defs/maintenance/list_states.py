"""Where each campaign list is in its two state machines, and how it came there."""

import dagster as dg

from list_pipeline.core.list_states.machines import MACHINES, HealthState, LifecycleState
from list_pipeline.core.wording import utc_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import product_asset, rule_checks
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance.reports import maintenance_report
from list_pipeline.defs.maintenance.state_picture import state_picture
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.list_states.checks import only_legal_transitions
from list_pipeline.operations.services import Services
from list_pipeline.storage.list_states import TransitionRow

_ORDER = {"health": [state.value for state in HealthState], "lifecycle": [state.value for state in LifecycleState]}
_TITLES = {"health": "Health of the lists", "lifecycle": "Life cycle of the lists"}
_SHOWN = 50


@product_asset(
    group="report",
    kinds={"postgres"},
    deps=[maintenance_report],
    description=(
        "Where each campaign list is: its health, and its life cycle from one campaign to the next, with every transition "
        "that led there. Derived from what is stored about maintenances, weekly checks and validations; nothing decides on it."
    ),
)
def list_states(services: dg.ResourceParam[Services]) -> dg.MaterializeResult[None]:
    with clear_failures():
        present = state_history.states(services)
        latest = state_history.history(services, limit=_SHOWN)
    return dg.MaterializeResult(
        metadata={
            **md.counts(
                {"lists_needing_attention": len({r.list_role for r in present if r.state == "needs_attention"})}
            ),
            "states": md.table(
                [
                    {
                        "list": row.list_role.label,
                        "machine": row.machine,
                        "state": row.state.replace("_", " "),
                        "since (UTC)": utc_text(row.since),
                    }
                    for row in present
                ]
            ),
            **{
                f"picture of {name}": dg.MetadataValue.md(
                    state_picture(
                        _TITLES[name],
                        _ORDER[name],
                        {f"List {row.list_role.round_number}": row.state for row in present if row.machine == name},
                    )
                )
                for name in MACHINES
            },
            "history": md.table([_row(one) for one in reversed(latest)]),
        }
    )


def _row(one: TransitionRow) -> dict[str, object]:
    """The latest first: what people look for is on top."""
    return {
        "when (UTC)": utc_text(one.at, seconds=True),
        "list": one.list_role.label,
        "machine": one.machine,
        "from": one.from_state.replace("_", " "),
        "to": one.to_state.replace("_", " "),
        "because": one.reason or one.event.words,
        "campaign or week": one.campaign_key or (one.week.isoformat() if one.week else "-"),
        "look": one.sweep or "-",
    }


LIST_STATE_CHECKS = rule_checks(list_states, [only_legal_transitions])
