"""The assets, one module a noun."""
