"""Alarms looked for every minute, and told to PagerDuty and a webhook until they arrive.

An alarm is written with what is to be told of it in one transaction, before any request: who dies in between loses nothing,
and a second look raises nothing twice. Belongs here: gathering facts, raising, resolving, telling. Does not belong here:
which problems there are (``core.alarms``), and messages to the channel (``operations.messages``).
"""
