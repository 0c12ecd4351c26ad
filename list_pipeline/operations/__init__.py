"""The use cases: one module per workflow, on clients and a clock that are passed in. No Dagster here.

An operation reads, asks ``core`` for the verdict, writes, and returns a small result that people want to see. Running an
operation again returns what is stored or continues where the last run stopped; it never does anything twice.
"""
