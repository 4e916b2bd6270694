"""The page that a supervisor leaves on a wall, and its API; reads Redis and nothing else."""
