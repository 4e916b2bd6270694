"""The engine overrides private parts of Faust and aiokafka: this fails when they move.

A failure means: read what changed beside `streams/engine/faust/transport.py`, run the tests on Kafka, then take the new
digest over.
"""

import hashlib
import inspect
from importlib import import_module
from importlib.metadata import version

import pytest

PINNED = {
    "faust.transport.consumer:Consumer._drain_messages": "44a2500309e8",
    "faust.transport.consumer:Consumer.perform_seek": "0e8c130ff4b0",
    "faust.transport.consumer:Consumer._add_gap": "4df2573ded7c",
    "faust.transport.consumer:Consumer._filter_tps_with_pending_acks": "f6f923977423",
    "faust.transport.consumer:Consumer._new_offset": "1d2c7ea89a7a",
    "faust.transport.consumer:Consumer._should_commit": "5ce941793947",
    "faust.transport.consumer:Consumer._commit_offsets": "1a6979904118",
    "faust.transport.consumer:Consumer.force_commit": "cc094614d22c",
    "faust.transport.consumer:Consumer.on_partitions_revoked": "d04b7ae72c6f",
    "faust.transport.consumer:Consumer.on_partitions_assigned": "29ce96596f05",
    "faust.transport.consumer:Consumer.on_stop": "45b1d2210ce2",
    "faust.transport.consumer:ThreadDelegateConsumer": "a1b934b198fa",
    "faust.transport.consumer:Fetcher": "c922e4ab78d9",
    "faust.transport.drivers.aiokafka:ConsumerRebalanceListener": "f3d04f29dfb3",
    "faust.transport.drivers.aiokafka:Consumer": "959f899e8ebf",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.on_start": "38b4e8bd1e10",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_worker_consumer": "c2701bfc3e6f",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._commit": "932852ce7a23",
    "faust.transport.conductor:ConductorCompiler.build": "837cf521368c",
    "faust.app.base:App._on_partitions_revoked": "d5c895bbe57d",
    "faust.app.base:App._on_partitions_assigned": "de932b7927db",
    "faust.app.base:App._stop_consumer": "55854a5de12c",
    "faust.tables.recovery:Recovery._resume_streams": "d986a6710c1a",
    "faust.tables.recovery:Recovery.on_rebalance": "aa4d997a1795",
    "aiokafka.consumer.fetcher:FetchResult": "d7db13f06de8",
    "aiokafka.consumer.fetcher:PartitionRecords": "94aa0da0dbec",
    "aiokafka.consumer.fetcher:Fetcher.fetched_records": "be4348896b9b",
    "aiokafka.consumer.fetcher:Fetcher._create_fetch_waiter": "61d840568746",
    "aiokafka.consumer.fetcher:Fetcher._proc_fetch_request": "59bf948fff47",
    "aiokafka.consumer.fetcher:Fetcher.end_offsets": "d03333ff4f87",
    "aiokafka.consumer.fetcher:Fetcher._retrieve_offsets": "21d33dde2892",
    "aiokafka.consumer.fetcher:Fetcher._proc_offset_request": "40c09472da94",
    "aiokafka.protocol.api:Request.prepare": "3a65d9fdefe3",
    "aiokafka.protocol.fetch:FetchRequest": "ef21d383f137",
    "aiokafka.consumer.subscription_state:TopicPartitionState": "2b83334afadf",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._do_heartbeat": "dc1d6632aaa6",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._heartbeat_routine": "61d010289522",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._on_join_prepare": "4d9524afc0ee",
    "aiokafka.record.memory_records:_MemoryRecordsPy": "795a0314fbca",
    "aiokafka.record.default_records:_DefaultRecordBatchPy": "f63fbb5a8a24",
    "aiokafka.producer.message_accumulator:BatchBuilder": "8050802ca751",
    "aiokafka.producer.message_accumulator:MessageAccumulator.add_batch": "5ed1c5b1367a",
    "aiokafka.producer.producer:AIOKafkaProducer.send_batch": "bf42b0f0c5c0",
}


def digest(name: str) -> str:
    module, _, path = name.partition(":")
    found = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return hashlib.sha256(inspect.getsource(found).encode()).hexdigest()[:12]


def test_the_versions_are_the_ones_that_were_read() -> None:
    assert (version("faust-streaming"), version("aiokafka")) == ("0.15.3", "0.14.0")


@pytest.mark.parametrize("name", PINNED)
def test_nothing_private_has_moved(name: str) -> None:
    assert digest(name) == PINNED[name]
