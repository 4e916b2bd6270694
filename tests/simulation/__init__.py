"""The engine without a broker: partitions, workers and faults in one process, driven by one seed.

`python -m tests.simulation SEED` replays a seed and prints what happened; `--seeds A B` runs those from A to before B.
"""
