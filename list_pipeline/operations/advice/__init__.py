"""Access to the model within one run, and the keeping of questions and answers.

Does not belong here: prompts (``agents``).
"""
