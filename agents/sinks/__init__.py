"""Where results go besides Kafka."""
