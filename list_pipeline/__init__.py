"""Keeps three rotating Mailjet campaign lists healthy, in a way a person can inspect, stop and undo.

Start reading at ``list_pipeline/definitions.py`` (what exists) and ``list_pipeline/core`` (what is decided).
"""
