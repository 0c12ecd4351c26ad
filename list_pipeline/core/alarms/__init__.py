"""Alarms: problems that wake somebody up, open from when a look finds them until one does not.

A message says what happened and stays; an alarm is a state, which is why it can be over. Belongs here: which problems there
are, what opens and closes them, and how they are written for those who page people. Does not belong here: looking and telling
(``operations.alarms``).
"""
