"""`python -m deploy.local.relock`: resolve Kafka's jars anew and write `jars.txt`."""

import sys
import tempfile
from pathlib import Path

from deploy.local.jars import LOCK, ROOTS, Jar, sha256
from deploy.local.maven import context

_HEADER = "# SHA-256, bytes and Maven coordinate of each jar; written by `python -m deploy.local.relock`.\n"


def relock() -> list[Jar]:
    """The jars that `ROOTS` need at run time, downloaded and measured, by coordinate."""
    jars = {}
    with tempfile.TemporaryDirectory() as store:
        maven = context(Path(store))
        roots, others = maven.resolver.resolve([maven.create_dependency(root) for root in ROOTS])
        for dependency in [*roots, *others]:
            if dependency in roots or dependency.scope in {"compile", "runtime"}:
                path = dependency.artifact.resolve()
                coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
                jars[coordinate] = Jar(sha256(path), path.stat().st_size, coordinate)
    return sorted(jars.values(), key=lambda jar: jar.coordinate)


def main() -> None:
    """Write the lock."""
    jars = relock()
    LOCK.write_text(_HEADER + "".join(f"{jar.sha256} {jar.size} {jar.coordinate}\n" for jar in jars))
    sys.stdout.write(f"{len(jars)} jars, {sum(jar.size for jar in jars)} bytes\n")


if __name__ == "__main__":
    main()
