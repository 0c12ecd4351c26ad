"""Questions to people: the kinds of an entry in the review queue and its life, and the messages about them.

Does not belong here: the decision itself, who may make it and what follows (``operations.reviews``).
"""
