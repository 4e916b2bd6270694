"""What can go wrong with an embedded server."""


class EmbeddedError(RuntimeError):
    """Any failure of an embedded server."""


class EmbeddedUnavailable(EmbeddedError):
    """The server cannot be had on this machine: not installed, and not to be downloaded.

    `reason` is one line for the person at the terminal.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EmbeddedFailed(EmbeddedError):
    """The server is there, but did not start or did not stay up; the message quotes its log."""
