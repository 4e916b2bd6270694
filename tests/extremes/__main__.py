"""`poe extremes [NAME…]`: run them, print what they found as JSON, exit 1 if one did not hold."""

import argparse
import asyncio
import json
import sys

from tests.extremes.extremes import EXTREMES, Figures


def main() -> None:
    """One after the other."""
    parser = argparse.ArgumentParser(prog="poe extremes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(EXTREMES)}; without, all")
    parser.add_argument("--size", type=float, default=1.0, help="a factor; 0.1 is a tenth of each")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in EXTREMES]:
        parser.error(f"no extreme {', '.join(unknown)}; there are {', '.join(EXTREMES)}")
    found: dict[str, Figures] = {}
    for name in options.names or EXTREMES:
        print(f"{name}: {EXTREMES[name].__doc__}", file=sys.stderr)
        found[name] = asyncio.run(EXTREMES[name](options.size))
        print(json.dumps({name: found[name]}, indent=2), flush=True)
    sys.exit(not all(each["ok"] for each in found.values()))


if __name__ == "__main__":
    main()
