"""The advisors: the prompt, the answer's schema and what an answer may change, and the one way in which a model is asked.

Whether an answer counts belongs here as well: what of it is dropped, what a doubt may do at the most (a verdict inside
the review band, one step of a list's health), and the policy's own choice where nothing is left. Does not belong here:
how a model is reached (``integrations.gemini``), and any decision (``core``): an opinion is one fact more for it.
"""
