"""The outbox: each message is a row before it is posted; where messages link to and which thread they join.

Does not belong here: the words (``core``).
"""
