"""The HTTP service: a way in on the same operations as Dagster's assets and the command line, without Dagster.

Belongs here: routes, who may call them, and how an answer looks. Does not belong here: any decision, and any SQL.
"""
