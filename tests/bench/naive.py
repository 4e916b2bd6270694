"""Stock Faust's way to a few of Sigap's figures, written as after its tutorial: what Sigap is measured beside.

One agent takes one event at a time; two tables with changelogs on Kafka hold the conversations, and the counts by scope
and minute. Default settings but for what it needs to run. Left out: bots, handoffs, notes, late events, duplicates,
windows, percentiles, service levels, alerts. After a crash it counts events twice; and as an agent's conversations lie
in several partitions, his counts come back from the changelog as the partition read last has them.

`python -m tests.bench.naive --datadir DIR worker --without-web`, with NAIVE_KAFKA (`host:port`) and NAIVE_PARTITIONS.
"""

from __future__ import annotations

import os
from typing import Any

import faust

_MINUTE_MS = 60_000

app = faust.App(
    "naive",
    broker=f"kafka://{os.environ.get('NAIVE_KAFKA', 'localhost:9092')}",
    store="memory://",
    topic_partitions=int(os.environ.get("NAIVE_PARTITIONS", "4")),  # tables need as many as their source has
    topic_disable_leader=True,
)
# Plain dicts: decoding into a faust.Record costs about 10 µs more an event.
events = app.topic("naive.events", value_serializer="json")
conversations = app.Table("conversations", default=dict)
minutes = app.Table("minutes", default=dict)


@app.agent(events)
async def count(stream: Any) -> None:
    """Keep the conversation's state, and add what the event counts to the minute of each of its scopes."""
    async for event in stream:
        key = f"{event['tenant']}/{event['conversation_id']}"
        before = conversations[key]
        after, counted = fold(before, event)
        if after != before:
            conversations[key] = after
        if not counted:
            continue
        scopes = ["tenant", f"channel:{event['channel']}"]
        if agent := event["agent_id"] or after.get("agent"):
            scopes.append(f"agent:{agent}")
        for scope in scopes:
            minute = f"{event['tenant']}/{scope}/{event['at'] // _MINUTE_MS}"
            found = minutes[minute]
            minutes[minute] = found | {name: found.get(name, 0) + number for name, number in counted.items()}


def fold(state: dict[str, Any], event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """The conversation's state after the event, and what the event counts; times in ms."""
    match event["type"]:
        case "assigned":
            return state | {"agent": event["agent_id"]}, {}
        case "status" if event["status"] == "resolved":
            return state | {"open": False, "anchor": None}, {}
        case "message" if event["author"] == "customer":
            if state.get("open"):
                return state, {"messages_in": 1}
            opened = state | {"open": True}
            if not state.get("answered"):
                opened["anchor"] = event["at"]
            return opened, {"messages_in": 1, "conversations_opened": 1}
        case "message" if event["author"] == "agent":
            counted = {"messages_out": 1}
            if state.get("anchor"):
                counted |= {"frt_count": 1, "frt_ms": event["at"] - state["anchor"]}
                state = state | {"answered": True, "anchor": None}
            return state, counted
        case _:
            return state, {}


if __name__ == "__main__":
    app.main()
