"""The command line: ``list-pipeline``. A way in on the same operations as the Dagster assets, and no decision of its own.

One module a group of commands; ``main`` puts them together.
"""
