"""The weekly health check, step by step, and its report.

Does not belong here: the figures (``core.weekly``).
"""
