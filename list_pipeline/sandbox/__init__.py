"""A loopback Mailjet, Gemini and Slack that speak the real wire formats, for rehearsals, the demo and the tests.

Belongs here: how those services behave, with their traps, as seeded accounts whose state lives on disk.
Does not belong here: anything of the product. Nothing outside this folder imports it, except the stack that starts it
(as a process of its own), the demo and the tests, through ``control``.
"""
