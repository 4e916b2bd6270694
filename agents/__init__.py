"""What acts: the Faust application, sinks, wallboard and commands."""
