"""The stages of campaigns in Dagster: the sensor that tells them."""
