"""Decisions: data in, verdict out.

Belongs here: every rule of the product, as pure functions over frozen value types.
Does not belong here: I/O, clocks, environment variables, Dagster, SQLAlchemy, HTTP. An import contract holds this.
"""
