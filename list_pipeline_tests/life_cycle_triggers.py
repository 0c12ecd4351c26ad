"""The life cycles of ``core`` as triggers of a test's database: an update that skips a status fails there, whoever writes it.

Every installation of the integration and workflow tests has them, so that each of these tests also shows that the statements
of ``storage`` go legal ways only. The product does without: a person who has to repair a row by hand is not hindered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from list_pipeline.core.campaigns.eligibility import CAMPAIGN_LIFE
from list_pipeline.core.drift.mass_changes import MASS_CHANGE_LIFE
from list_pipeline.core.erasure import DELETION_LIFE
from list_pipeline.core.launches.changes import LAUNCH_LIFE
from list_pipeline.core.life_cycles import LifeCycle
from list_pipeline.core.messages.delivery import DELIVERY_LIFE
from list_pipeline.core.plans.journal import JOB_LIFE, STEP_LIFE
from list_pipeline.core.plans.plan import PLAN_LIFE
from list_pipeline.core.quarantine.life import QUARANTINE_LIFE
from list_pipeline.core.reviews.questions import REVIEW_LIFE
from list_pipeline.core.runs.status import RUN_LIFE
from list_pipeline.core.validation.schedule_changes import SCHEDULE_LIFE

LIVES: Mapping[tuple[str, str], LifeCycle[Any]] = {
    ("change_step", "state"): STEP_LIFE,
    ("mailjet_job", "state"): JOB_LIFE,
    ("erasure", "state"): DELETION_LIFE,
    ("plan", "status"): PLAN_LIFE,
    ("review_item", "status"): REVIEW_LIFE,
    ("notification", "state"): DELIVERY_LIFE,
    ("alarm_delivery", "state"): DELIVERY_LIFE,
    ("schedule_change", "state"): SCHEDULE_LIFE,
    ("launch_change", "state"): LAUNCH_LIFE,
    ("campaign_schedule", "status"): CAMPAIGN_LIFE,
    ("list_maintenance_log", "status"): RUN_LIFE,
    ("list_health_check", "status"): RUN_LIFE,
    ("mass_change", "status"): MASS_CHANGE_LIFE,
    ("quarantine", "state"): QUARANTINE_LIFE,
}
"""Table and column of every status that has a life cycle."""


def refuse_illegal_steps(database_url: str) -> None:
    """Create the triggers in a migrated database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for (table, column), life in LIVES.items():
            legal = [f"('{old}', '{new}')" for old, following in life.table.items() for new in following]
            statement = f"""
                create function public.refuse_illegal_{table}() returns trigger language plpgsql as $$
                begin
                    if (old.{column}, new.{column}) not in (values {", ".join(legal)}) then
                        raise exception 'illegal: a row of {table} goes from % to %', old.{column}, new.{column};
                    end if;
                    return new;
                end $$;
                create trigger refuse_illegal_step before update of {column} on list_pipeline.{table} for each row
                    when (old.{column} is distinct from new.{column}) execute function public.refuse_illegal_{table}();
            """
            connection.execute(statement.encode())
