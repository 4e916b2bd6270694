"""Chaos: real brokers, Redis and workers, faults drawn from a seed, and every record compared with a replay."""
