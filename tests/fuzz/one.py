"""One target under Atheris, with libFuzzer's own arguments behind its name: `python -m tests.fuzz.one TARGET …`."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # whoever only imports this, as pytest does, needs no Atheris
    import atheris

    with atheris.instrument_imports(include=["streams", "tables"]):
        from tests.fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]].take)
    atheris.Fuzz()
