"""Changes that people ask for of when a campaign is sent: a draft scheduled, moved, cancelled, or sent at once.

Belongs here: the words of such a launch change and its life, what is refused, what its content hash covers, until when it can
be decided and carried out, and its messages. Does not belong here: what a block does to a schedule by itself
(``validation.schedule_changes``), and carrying anything out (``operations.launches``).
"""
