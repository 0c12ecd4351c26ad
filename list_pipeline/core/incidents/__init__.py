"""Incidents: whether many hard bounces at once are the fault of a mail operator or domain, and not of the addresses.

Belongs here: who runs the mail of a domain, the groups that are counted, what is usual for each, the test, and its figures.
Does not belong here: what follows for a contact (``core.suppression``), asking DNS, and keeping the counts.
"""
