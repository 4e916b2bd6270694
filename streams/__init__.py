"""What flows: events, codecs, topics, channels and the engine."""
