"""The partition of campaign work: one key per campaign. Keys are made by discovery and never deleted."""

import dagster as dg

CAMPAIGNS = dg.DynamicPartitionsDefinition(name="campaigns")
