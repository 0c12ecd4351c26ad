"""Digests sent when they are due, each once, to Slack and by e-mail.

Belongs here: gathering the facts and sending. Does not belong here: the words (``core.digest``).
"""
