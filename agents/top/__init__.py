"""The wallboard in a terminal: what the page shows, from the same event stream."""
