"""Told events: what Mailjet's Event API sends by itself. Their kinds, and what a failure means by the words of the event alone.

Does not belong here: how an event looks on the wire (``integrations.mailjet.events``), and whose program reads mail
(``core.engagement``).
"""
