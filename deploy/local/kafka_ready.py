"""Whether Kafka answers, asked the way a client would."""

import asyncio
import logging
import threading

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

_REQUEST_TIMEOUT_MS = 2000


def broker_ids(bootstrap: str) -> set[int]:
    """The ids of the brokers that a metadata answer names; none while nobody answers.

    Blocks for some seconds at most, also when called from a running event loop.
    """
    found: set[int] = set()

    def ask() -> None:
        found.update(asyncio.run(_ask(bootstrap)))

    # A thread of its own: the caller may be in an event loop.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join()
    return found


async def _ask(bootstrap: str) -> set[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    # That nobody listens yet is the expected answer, not a message for the terminal.
    quiet = logging.getLogger("aiokafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL + 1)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        return {broker["node_id"] for broker in cluster["brokers"]}
    except (KafkaError, OSError, TimeoutError):
        return set()
    finally:
        quiet.setLevel(level)
        await admin.close()
