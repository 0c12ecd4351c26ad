"""The pages of the HTTP service, below ``/admin``: what waits for people, and everything that they want to see.

Belongs here: one module a noun, which reads what a page shows and gives it to its template; who may come in. Does not belong
here: figures and decisions (``operations``), and JSON (``api``).
"""
