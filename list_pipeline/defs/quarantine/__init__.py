"""Quarantine in Dagster: jobs that people launch, and the sensor that ends what is over."""
