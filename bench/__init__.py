"""Benchmarks of the product against its sandbox; not part of the tests.

``python -m bench`` measures the speed on large lists, ``python -m bench.footprint`` counts the files, functions, reads,
transactions and requests that take part in a maintenance.
"""
