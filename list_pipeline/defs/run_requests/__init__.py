"""What was asked for over HTTP, started in Dagster."""
