"""Where downloads are kept from one start to the next."""

import os
import sys
from pathlib import Path


def cache_dir() -> Path:
    """Sigap's folder in the user's cache directory; not necessarily there yet."""
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "sigap"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sigap"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "sigap" / "Cache"
    return Path.home() / ".cache" / "sigap"
