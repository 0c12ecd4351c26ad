"""The four advisors: the prompt, the answer's schema and the guard of each, and the one way in which a model is asked.

Does not belong here: how a model is reached (``integrations.gemini``), and any decision (``core``).
"""
