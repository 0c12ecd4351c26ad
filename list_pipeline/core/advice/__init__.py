"""The record of a question to a language model, and its price.

Does not belong here: prompts and guards (``agents``).
"""
