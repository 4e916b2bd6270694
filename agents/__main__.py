"""`python -m agents`: the command `sigap`, where its script is not on the path."""

from agents.cli import main

main(prog_name="sigap")
