"""Backups of the product's schema: taken as of one instant, tried in a database of their own, and restored with the stop armed.

Dagster's own database is another one, with another owner of its schema: back it up beside this one with PostgreSQL's programs.

Belongs here: the order of things. Does not belong here: files and programs (``storage.dumps``), and lifting the stop after a
restore (``operations.safety.restore_guard``).
"""
