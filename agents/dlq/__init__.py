"""Dead letters: read, shown, and put back after a fix."""
