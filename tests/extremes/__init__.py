"""Loads far from the usual, on a Kafka, a Redis and a worker of their own: `poe extremes`."""
