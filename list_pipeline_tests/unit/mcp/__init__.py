"""What tools say, without a database."""
