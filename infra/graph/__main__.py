"""`python -m infra.graph lists` and `python -m infra.graph register`."""

from __future__ import annotations

import argparse
import sys

from infra.graph import lists
from shared.catalog.registry import CATALOG


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.graph", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("lists", help="write the apps' permissions from the catalog")
    generate.add_argument("--check", action="store_true", help="only say whether the file is what it should be")
    given = parser.parse_args(arguments)
    return write_lists(check=given.check)


def write_lists(*, check: bool) -> int:
    text = lists.document(CATALOG)
    if check:
        if lists.FILE.read_text(encoding="utf-8") == text:
            return 0
        print("infra/graph/permissions.json is stale: run python -m infra.graph lists", file=sys.stderr)
        return 1
    lists.FILE.write_text(text, encoding="utf-8")
    for app, entries in lists.stored().items():
        print(f"{app}: {', '.join(one.name for one in entries)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
