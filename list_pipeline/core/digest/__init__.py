"""The digest of a day and of a week: what was done, what waits and for whom, what failed, sizes and costs, in one message.

Belongs here: when one is due, and its words. Does not belong here: the weekly health check, which judges lists (``weekly``);
counting (``storage.digest``) and sending (``operations.digest``).
"""
