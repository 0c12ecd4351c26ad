"""Clients of the services that the product uses: Mailjet, Gemini, Slack, e-mail, Redis, error tracking.

Does not belong here: what is asked for, and what follows from an answer (``operations``).
"""
