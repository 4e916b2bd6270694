"""`sigap worker` that kills itself as TEST_CRASH says (`tests.kafka.crash`)."""

import os
import sys

from agents.cli import main
from tests.kafka.crash import crash_at

if __name__ == "__main__":
    crash_at(os.environ.get("TEST_CRASH", ""))
    main(["worker", *sys.argv[1:]])
