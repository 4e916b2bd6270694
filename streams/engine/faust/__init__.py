"""The engine on Kafka: Faust for the group, its assignments and the flow of chunks; plain clients for the logs."""
