"""Erasures on rehearsed accounts."""
