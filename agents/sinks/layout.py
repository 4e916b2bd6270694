r"""The Redis layout: names of keys, and a KPI record as its hash holds it.

Every key of a tenant starts with `sigap:{tenant}:`; the braces are literal (the hash tag of a cluster).

| key | type | holds |
|---|---|---|
| `kpi:{scope}:{window}` | hash | the record's numbers as their JSON text, null as an empty string |
| `keys` | set | `scope:window` of every such hash |
| `trend:{scope}` | sorted set | the minutes' records (JSON) of 24 h by `start_at` |
| `intervals:{scope}` | sorted set | the closed quarter-hours' records (JSON) of 24 h by `start_at` |
| `waiting:{scope}` | sorted set | waiting conversations by `waiting_since` (ms) |
| `sla:due` | sorted set | `conversation_id\|metric` by deadline (ms) |
| `alerts` | stream, 10,000 | `alert_id`, `alert` (JSON) |
| `updates` | stream, about 10,000 | an entry a batch: changed key without prefix -> `seq`, `start_at` or epoch |
| `meta` | hash | `heartbeat_at` (ms, real), `now_at` (ms, the run's clock), `durable` (0 or 1) |
| `epochs`, `owned:{partition}`, `alerts:last`, `writer:{id}` | | what the scripts guard with |

`sigap:tenants` is the set of all tenants, `sigap:past` that of the partitions of the results whose alerts, minutes
and intervals are here.
"""

import json
from collections.abc import Mapping

TENANTS = "sigap:tenants"
PAST = "sigap:past"
_HEAD = (b"window_start_at", b"as_of", b"seq", b"partial", b"lag_s")


def prefix(tenant: str) -> str:
    """What every key of a tenant starts with.

    >>> prefix("acme") + "kpi:channel:chat:15m"
    'sigap:{acme}:kpi:channel:chat:15m'
    """
    return f"sigap:{{{tenant}}}:"


def split_name(name: str) -> tuple[str, str]:
    """Scope and window of a member of `keys`.

    >>> split_name("agent:budi/channel:chat:15m")
    ('agent:budi/channel:chat', '15m')
    """
    scope, _, window = name.rpartition(":")
    return scope, window


def record_json(tenant: str, scope: str, window: str, fields: Mapping[bytes, bytes]) -> bytes:
    """The KPI record that a hash was written from, numbers in the same text.

    >>> record_json("acme", "tenant", "now", {b"seq": b"7", b"partial": b"false", b"oldest_waiting_s": b""})
    b'{"v":1,"tenant":"acme","scope":"tenant","window":"now","seq":7,"partial":false,"metrics":{"oldest_waiting_s":null}}'
    """
    names = ",".join(
        f'"{name}":{json.dumps(text, ensure_ascii=False)}'
        for name, text in (("tenant", tenant), ("scope", scope), ("window", window))
    )
    head = b"".join(b'"%b":%b,' % (name, fields[name]) for name in _HEAD if name in fields)
    metrics = b",".join(b'"%b":%b' % (name, text or b"null") for name, text in fields.items() if name not in _HEAD)
    return b'{"v":1,%b,%b"metrics":{%b}}' % (names.encode(), head, metrics)
