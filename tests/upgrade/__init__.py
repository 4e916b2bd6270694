"""Logs as an earlier version has left them, and a worker of today's that goes on with them."""
