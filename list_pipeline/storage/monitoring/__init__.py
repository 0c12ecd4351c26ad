"""Rows about the product's own work: timings, job runs, decision reviews.

Does not belong here: what follows from them.
"""
