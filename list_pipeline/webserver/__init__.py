"""Dagster's UI as this product serves it: with nothing that a page of somebody else could make a browser do.

Belongs here: starting Dagster's webserver behind a guard, and the guard. Does not belong here: who may use the UI; that is for
the proxy in front of it.
"""
