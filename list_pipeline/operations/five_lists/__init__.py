"""The five lists as a whole: what they hold, whether that fits their roles, and telling people that they wait.

Does not belong here: the decision of a person (``reviews``), and what stands in the way of a change (``safety``).
"""
