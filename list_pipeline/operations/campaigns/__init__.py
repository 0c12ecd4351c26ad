"""Finding campaigns at Mailjet, sent or scheduled, their recipients and their figures.

Does not belong here: the maintenance that follows (``operations.maintenance``).
"""
