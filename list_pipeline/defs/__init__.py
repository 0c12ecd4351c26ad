"""What Dagster sees: assets, checks, sensors, schedules, jobs, resources. The only folder that imports dagster.

Belongs here: the mapping of operations to assets, and metadata that a person wants to look at. Does not belong here: any
decision, SQL or request. An asset looks its campaign up, calls one operation and says what came of it.

What stands at module level in a package here exists in the code location; nothing has to be registered (``build``).
"""
