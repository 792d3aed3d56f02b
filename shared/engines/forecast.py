"""What a plan will take: requests, resource units and seconds at the tenant's quota. An estimate, but the same
for the same plan: it is part of what is signed.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import Throttle
from shared.domain.plan import Forecast, Step

PER_SECOND: Final = {
    # Microsoft Graph throttling limits, identity and access: 3,000 writes in 150 s; conditional access 1 a second.
    Throttle.DIRECTORY.value: 20.0,
    Throttle.CONDITIONAL_ACCESS.value: 1.0,
    Throttle.AUDIT.value: 0.5,
}
_READS: Final = 2  # of each target: before it is written, and to see that the write holds


def forecast(steps: Iterable[Step], catalog: Catalog) -> Forecast:
    """Of one wave. Classes are paced apart, but counted one after the other: steps wait for each other."""
    operations = requests = units = 0
    load: dict[str, float] = {}
    for step in steps:
        if not step.operations:
            continue
        spec = catalog.get(step.operations[0].type)
        writes = len(step.operations)
        throttle = step.operations[0].request.throttle
        operations += writes
        units += sum(
            operation.request.cost + _READS * catalog.get(operation.type).item_cost for operation in step.operations
        )
        # A batch is one request; what can't be batched goes one by one, and is read by list.
        sent = _READS + 1 if spec.batchable else _READS + writes
        requests += sent
        load[throttle] = load.get(throttle, 0.0) + (writes if spec.batchable else sent)
    seconds = sum(ceil(amount / PER_SECOND[throttle]) for throttle, amount in sorted(load.items()))
    return Forecast(operations, requests, units, seconds)


def total(parts: Iterable[Forecast]) -> Forecast:
    """Of the whole plan: waves run one after the other."""
    listed = list(parts)
    return Forecast(
        sum(part.operations for part in listed),
        sum(part.requests for part in listed),
        sum(part.resource_units for part in listed),
        sum(part.seconds for part in listed),
    )
