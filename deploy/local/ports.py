"""Free TCP ports on loopback."""

import random
import socket
import sys

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections (32768 on Linux, 49152
# elsewhere), so that no client of ours can sit on a server's port while it restarts.
_RANGE = range(20_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":  # there it would let us share a port in use
            # As servers do: connections of a server just stopped, in TIME_WAIT, do not hold its port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """`count` different ports nobody listens on. Raises OSError when none can be found."""
    # Drawn at random, not in order: two test runs that start together rarely choose alike.
    found: list[int] = []
    for port in random.SystemRandom().sample(_RANGE, _TRIES):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    if len(found) < count:
        raise OSError(f"no {count} free ports on {LOOPBACK} in {_RANGE.start}..{_RANGE.stop - 1}")
    return found
