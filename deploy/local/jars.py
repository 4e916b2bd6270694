"""Kafka's jars: which they are, where they are kept, and that they are what they should be.

`jars.txt` beside this file is the lock: one jar a line, its SHA-256, its size in bytes and its Maven
coordinate. `python -m deploy.local.relock` writes it anew from the root coordinates below.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.cache import cache_dir
from deploy.local.errors import EmbeddedUnavailable

KAFKA_VERSION = "4.3.0"
ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Kafka's own dependencies hold no SLF4J provider: without one a broker that fails says nothing.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",  # `!`: choose no versions for Kafka
)
LOCK = Path(__file__).with_name("jars.txt")
OWN_JARS = "SIGAP_KAFKA_JARS"

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock; `size` in bytes, `coordinate` as group:artifact:version."""

    sha256: str
    size: int
    coordinate: str

    @property
    def name(self) -> str:
        """The jar's file name."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` is this very jar."""
        try:
            return path.stat().st_size == self.size and sha256(path) == self.sha256
        except FileNotFoundError:
            return False


def sha256(path: Path) -> str:
    """The file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locked() -> Iterator[Jar]:
    """The jars of the lock, in its order."""
    for line in LOCK.read_text().splitlines():
        if line and not line.startswith("#"):
            digest, size, coordinate = line.split()
            yield Jar(digest, int(size), coordinate)


def classpath(log: Log) -> str:
    """Java's classpath of Kafka, every jar checked; downloads what is missing.

    Raises EmbeddedUnavailable, within a minute where nothing can be reached.
    """
    if own := os.environ.get(OWN_JARS):
        return _own_classpath(Path(own))
    home = cache_dir() / f"kafka-{KAFKA_VERSION}"
    jars = list(locked())
    missing = [jar for jar in jars if not jar.matches(home / jar.name)]
    if missing:
        _download(missing, home, log)
    return os.pathsep.join(str(home / jar.name) for jar in jars)


def _own_classpath(folder: Path) -> str:
    if not any(folder.glob("kafka_2*.jar")):
        raise EmbeddedUnavailable(f"{OWN_JARS}={folder} holds no kafka_2.*.jar")
    return str(folder / "*")


def _download(jars: list[Jar], home: Path, log: Log) -> None:
    try:
        from deploy.local.maven import fetch  # jgo is in an extra
    except ModuleNotFoundError as error:
        raise EmbeddedUnavailable(f"Kafka's jars are missing, and so is {error.name} to fetch them") from error
    try:
        home.mkdir(parents=True, exist_ok=True)
        # Beside their place, so that a jar appears there whole and checked, or not at all.
        staging = Path(tempfile.mkdtemp(prefix="fetch-", dir=home.parent))
    except OSError as error:
        raise EmbeddedUnavailable(f"no place for Kafka's jars: {error}") from error
    try:
        for jar, path in fetch(jars, staging, log):
            if not jar.matches(path):
                raise EmbeddedUnavailable(f"{jar.name} as downloaded is not the one of {LOCK.name} ({sha256(path)})")
            path.replace(home / jar.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
