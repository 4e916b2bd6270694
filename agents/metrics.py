"""What an operator sees of a worker, in OpenMetrics; but for the delay of alerts, which the feed measures, all is here.

The page has metrics of its own, in `agents/wallboard/server.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from agents.feed import Feed
    from streams.engine.faust.driver import Driver


class WorkerCollector(Collector):
    """Reads driver, shards and sink when asked; keeps nothing."""

    def __init__(self, driver: Driver, feed: Feed, raw: Mapping[tuple[str, str], int]) -> None:
        self._driver = driver
        self._feed = feed
        self._raw = raw

    def collect(self) -> Iterator[Metric]:
        """All metrics of the worker."""
        yield from self._engine()
        yield from self._state()
        yield from self._feed.alert_delay.collect()
        yield from self._redis()
        raw = CounterMetricFamily(
            "sigap_raw", "events made of raw payloads, parts left out, rejects by reason", labels=["channel", "outcome"]
        )
        for (channel, outcome), count in self._raw.items():
            raw.add_metric([channel, outcome], count)
        yield raw

    def _engine(self) -> Iterator[Metric]:
        status = self._driver.status()
        yield _gauge("sigap_ready", "1 once every assigned partition is recovered", float(status.ready))
        yield _gauge("sigap_oldest_delivery_seconds", "age of the oldest delivery to Kafka awaited", status.oldest_s)
        yield _gauge("sigap_coordinator_silence_seconds", "since the group's coordinator answered", status.lease_s)
        if status.commit_s is not None:
            yield _gauge("sigap_last_commit_seconds", "since offsets were last committed", status.commit_s)
        lag = GaugeMetricFamily(
            "sigap_partition_lag_seconds", "how far a partition's clock is behind", labels=["partition"]
        )
        behind = GaugeMetricFamily("sigap_partition_behind_records", "records not folded yet", labels=["partition"])
        recovered = GaugeMetricFamily(
            "sigap_partition_recovered_ratio", "part of the state read since the assignment", labels=["partition"]
        )
        stalled = GaugeMetricFamily(
            "sigap_partition_stalled_seconds", "since records were there and none was folded", labels=["partition"]
        )
        for partition, one in status.partitions.items():
            recovered.add_metric([str(partition)], one.recovered)
            stalled.add_metric([str(partition)], one.stalled_s)
            lag.add_metric([str(partition)], one.lag_ms / 1000)
            behind.add_metric([str(partition)], one.behind)
        yield from (lag, behind, recovered, stalled)
        labels = ["topic", "partition"]
        behind = GaugeMetricFamily("sigap_raw_behind_records", "payloads that are no events yet", labels=labels)
        stalled = GaugeMetricFamily(
            "sigap_raw_stalled_seconds", "since payloads were there and none was handled", labels=labels
        )
        for (topic, place), feed in status.feeds.items():
            behind.add_metric([topic, str(place)], feed.behind)
            stalled.add_metric([topic, str(place)], feed.stalled_s)
        yield from (behind, stalled)

    def _state(self) -> Iterator[Metric]:
        status = self._driver.status()
        for shard in islice(self._feed.shards.values(), 1):
            yield _gauge("sigap_partitions", "partitions of the events topic, whoever has them", shard.partitions)
        records = CounterMetricFamily(
            "sigap_records", "records read, by what became of them; rejects by reason", labels=["partition", "outcome"]
        )
        kept = GaugeMetricFamily("sigap_conversations", "conversations held", labels=["partition"])
        for partition, shard in self._feed.shards.items():
            if partition in status.partitions:  # what a worker had before is another's now
                kept.add_metric([str(partition)], len(shard.histories))
            for outcome, count in shard.counts.items():
                records.add_metric([str(partition), outcome], count)
        scopes = GaugeMetricFamily("sigap_scopes", "scopes with KPI records", labels=["partition"])
        for partition, rollup in self._feed.rollups.items():
            if partition in status.rollups:
                scopes.add_metric([str(partition)], len(rollup.scopes))
        yield from (records, kept, scopes)

    def _redis(self) -> Iterator[Metric]:
        sink = self._feed.sink
        if sink is None:
            return
        yield _gauge("sigap_redis_connected", "1 while the last exchange with Redis went well", float(sink.connected))
        yield _gauge("sigap_redis_behind_seconds", "age of the oldest record that Redis has not got", sink.behind_s)
        yield _gauge("sigap_redis_pending", "records that Redis has not got", sink.pending)
        yield _counter("sigap_redis_errors", "exchanges with Redis that failed", sink.errors)
        yield _counter("sigap_redis_written", "records written to Redis", sink.written)
        yield _counter("sigap_redis_resyncs", "times that everything was sent once more", sink.resyncs)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(name, meaning, value=value)
