"""The engine: a synchronous core and the adapters that run it."""
