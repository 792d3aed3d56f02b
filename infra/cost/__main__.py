"""`python -m infra.cost --users N`: what a deployment costs a month, line by line.

`python -m infra.cost --page` writes the figures of `docs/cost.md` anew.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from infra.cost.model import Assumed, Class, Deployment, bill, full
from infra.cost.page import rewritten
from shared.catalog.registry import CATALOG

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "cost.md"


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    measured = _read(HERE / "measured.json")
    document = _read(HERE / "prices.json")
    if given.page:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), measured, document), encoding="utf-8")
        return 0
    if warning := stale(measured):
        print(f"warning: {warning}", file=sys.stderr)
    prices = {name: float(one["price"]) for name, one in document["prices"].items()}
    changed = {**(_read(given.prices) if given.prices else {}), **dict(given.price)}
    if strange := sorted(set(changed) - set(prices)):
        print(f"error: no such price: {', '.join(strange)}; known: {', '.join(prices)}", file=sys.stderr)
        return 2
    prices |= {name: float(value) for name, value in changed.items()}
    for line in report(_deployment(given), measured, document, prices, set(changed)):
        print(line)
    return 0


def stale(measured: dict[str, Any]) -> str:
    """What the measurement lacks or has too much of the catalog as it is now; "" where it fits."""
    now = {spec.name for spec in CATALOG.types}
    then = set(measured["sizes"][0]["objects"])
    told = [f"{len(names)} {what}" for names, what in ((now - then, "new types"), (then - now, "gone")) if names]
    return (
        f"the catalog has changed since it was measured ({', '.join(told)}): {measured['command']}" if told else ""
    )


def page(text: str, measured: dict[str, Any], document: dict[str, Any]) -> str:
    """`docs/cost.md` with the figures of today."""
    prices = {name: float(one["price"]) for name, one in document["prices"].items()}

    def total(users: int, options: list[str]) -> str:
        deployment = _deployment(_parser().parse_args(["--users", str(users), *options]))
        return report(deployment, measured, document, prices, set())[-1].split()[-1]

    return rewritten(text, measured, total)


def report(
    deployment: Deployment,
    measured: dict[str, Any],
    document: dict[str, Any],
    prices: dict[str, float],
    changed: set[str],
) -> list[str]:
    one = full(deployment.users, measured)
    kept = ", ".join(f"{each.days} days, one every {each.every}" for each in deployment.classes)
    lines = [
        f"{deployment.users:,} users; fulls kept: {kept}; {deployment.assumed.journals:g} journals a day",
        f"one full: {one.stored / 2**20:,.1f} MiB, {one.writes:,.0f} writes, {one.requests:,.0f} Graph requests "
        f"(measured {measured['measured']}, {measured['catalog']} types)",
        "",
    ]
    total = 0.0
    for entry in bill(deployment, measured, prices):
        cost = entry.cost(prices)
        total += cost
        where = document["prices"][entry.price]
        mark = "yours" if entry.price in changed else where["dated"] or "assumed"
        lines.append(
            f"{entry.what:<28} {entry.amount:>14,.3f} × {prices[entry.price]:<9g} {cost:>10,.2f}  "
            f"{where['unit']} ({mark})"
        )
    lines.append(f"{'a month':<28} {'':>14}   {document['currency']:<9} {total:>10,.2f}")
    return lines


def _deployment(given: argparse.Namespace) -> Deployment:
    assumed = Assumed(**dict(given.assume), journals=given.journals)
    return Deployment(given.users, tuple(given.keep or [Class(35)]), given.private, given.paired, assumed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--users", type=_positive)
    asked.add_argument("--page", action="store_true", help="write the figures of docs/cost.md")
    parser.add_argument(
        "--keep", type=_class, action="append", metavar="DAYS[:EVERY]", help="fulls, may be repeated; default 35:1"
    )
    parser.add_argument("--days", type=lambda text: Class(_positive(text)), action="append", dest="keep")
    parser.add_argument("--journals", type=float, default=0.0, help="a day; 96 is every 15 minutes (estimated)")
    parser.add_argument("--private", action="store_true", help="with private endpoints")
    parser.add_argument("--paired", action="store_true", help="with a copy in the region's pair")
    parser.add_argument("--prices", type=Path, help='JSON of your prices: {"storageZones": 0.02}')
    parser.add_argument("--price", type=_pair, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--assume", type=_assumption, action="append", default=[], metavar="NAME=VALUE")
    return parser


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError(text)
    return value


def _class(text: str) -> Class:
    days, _, every = text.partition(":")
    return Class(_positive(days), _positive(every or "1"))


def _pair(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def _assumption(text: str) -> tuple[str, float]:
    name, value = _pair(text)
    if name not in {one.name for one in dataclasses.fields(Assumed)} - {"journals"}:
        raise ValueError(name)
    return name, value


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
