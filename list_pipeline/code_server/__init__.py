"""Dagster's code server, whose runs begin from a process that has imported everything already.

Does not belong here: what exists in the code location (``defs``).
"""
