"""Launch changes in Dagster: the job that carries out what a reviewer approved, and the sensor that starts it."""
