"""The check-list before going live: what is missing, what is advised, and what could not be looked at.

Belongs here: the verdict on each observation, in words. Does not belong here: observing (``operations.preflight``), and whether
the services answer right now, which a monitor asks all the time (``operations.monitoring.dependencies``).
"""
