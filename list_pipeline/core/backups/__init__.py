"""Backups of the product's schema: whether one may be restored here, whether it is whole, and when the last one is too old.

Belongs here: verdicts and words. Does not belong here: files, programs of PostgreSQL and rows (``storage.dumps``,
``storage.backups``), and the order of a backup or a restore (``operations.backups``).
"""
