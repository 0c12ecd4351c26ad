"""The outbox in Dagster: the sensor that sends, and how delivery fares.

Does not belong here: posting (``operations.messages``).
"""
