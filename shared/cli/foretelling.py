"""`holdfast catalog --forecast`: what a full backup of a tenant of some size asks of Graph, and for how long."""

from __future__ import annotations

from shared.cli.screen import Answer
from shared.domain.errors import Unusable

_SIZES = ("users", "groups", "applications", "servicePrincipals")


def foretold(text: str) -> Answer:
    """`text`: four numbers with commas. Raises `Unusable` for anything else."""
    from shared.catalog.registry import CATALOG
    from shared.cli.render import line, table
    from shared.engines.reading_forecast import RATES, reckon

    parts = text.split(",")
    if len(parts) != len(_SIZES) or not all(part.strip().isdecimal() and len(part) < 10 for part in parts):
        raise Unusable(
            f"{text!r} is no size of a tenant",
            hint="give users, groups, applications, service principals: 2000,300,50,100",
        )
    sizes = dict(zip(_SIZES, map(int, parts), strict=True))
    found, later = reckon(CATALOG, sizes), reckon(CATALOG, sizes, first=False)
    numbers = ("Requests", "Operations", "Resource units", "Minutes")
    view = table(
        ("Read", "Class", *numbers),
        [
            (
                load.item,
                load.throttle.value,
                *(f"{number:,}" for number in (load.requests, load.operations, load.units)),
                f"{load.seconds / 60:.1f}",
            )
            for load in found.loads
        ],
        title=f"Full backup of {sizes['users']:,} users, by catalog {CATALOG.version}",
        numbers=numbers,
    )
    total = line(
        f"{found.requests:,} requests, {found.operations:,} operations, {found.units:,} resource units, about "
        f"{found.seconds / 60:.0f} minutes, ten of which are waits for Graph's replicas. What is off by itself "
        "isn't counted; parents with 20 links or more are an assumption. Later runs, which ask some parents a day "
        f"where that is declared: {later.requests:,} requests, {later.operations:,} operations."
    )
    document = {
        "catalogVersion": CATALOG.version,
        "sizes": sizes,
        "unitsPerSecond": {throttle.value: rate for throttle, rate in RATES.items()},
        "items": [
            {
                "item": load.item,
                "throttleClass": load.throttle.value,
                "requests": load.requests,
                "operations": load.operations,
                "resourceUnits": load.units,
                "seconds": round(load.seconds, 1),
            }
            for load in found.loads
        ],
        "requests": found.requests,
        "operations": found.operations,
        "resourceUnits": found.units,
        "seconds": round(found.seconds, 1),
        "later": {
            "requests": later.requests,
            "operations": later.operations,
            "resourceUnits": later.units,
            "seconds": round(later.seconds, 1),
        },
    }
    return Answer(document, (view, total))
