"""Benchmarks of the product against its sandbox. Run with ``python -m bench``; not part of the tests."""
