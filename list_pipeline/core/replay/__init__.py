"""Policy replay: what other rules would have made of campaigns that are over, and of those to come.

Does not belong here: the product's own rules (``core.suppression``), which are asked and not repeated.
"""
