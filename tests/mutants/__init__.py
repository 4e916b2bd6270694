"""Mutation testing: small changes to the code that computes, each of which a test must notice.

`python -m tests.mutants` takes all of them, `--sample 300 --seed 1` some. The changes are mutmut's; which file is
judged by which tests stands in `groups.py`, what no test can notice in `accepted.toml`.
"""
