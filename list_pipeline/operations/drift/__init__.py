"""Reconciliation of Mailjet's lists with our rows, and its alert.

Does not belong here: what is a difference (``core.drift``).
"""
