"""Which plans the tenant has, so that an empty answer for want of a licence isn't taken for "there is none".

Graph refuses some lists in a tenant without the licence and answers others with nothing; both look the same to who
only counts objects. The plans are those that a type declares to show (`ObjectType.tells_plans`).
"""

from __future__ import annotations

from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import Licence
from shared.domain.errors import GraphDown, GraphError, GraphUnauthorized, Unusable
from shared.domain.ports import Directory
from shared.engines.reading import list_request
from shared.engines.wire import parse

_IN_FORCE: Final = ("Enabled", "Warning")  # a warning: it has run out, and works for a while yet


async def tenant_plans(directory: Directory, catalog: Catalog) -> tuple[str, ...] | None:
    """Ids and services of the plans in force, sorted; None where the tenant doesn't tell. Raises `GraphDown` and
    `GraphUnauthorized`."""
    for spec in catalog.types:
        if spec.tells_plans:
            try:
                page = await directory.page(list_request(spec))
                told = [parse(item).get(spec.tells_plans) for item in page.items]
            except (GraphDown, GraphUnauthorized):
                raise
            except (GraphError, Unusable):
                return None
            return _plans(told)
    return None


def _plans(told: list[object]) -> tuple[str, ...] | None:
    found: set[str] = set()
    if not any(isinstance(plans, list) for plans in told):
        return None
    for plans in told:
        for plan in plans if isinstance(plans, list) else ():
            if isinstance(plan, dict) and plan.get("capabilityStatus") in _IN_FORCE:
                found.update(str(plan[name]) for name in ("service", "servicePlanId") if plan.get(name))
    return tuple(sorted(found))


def unlicensed(licence: Licence | None, plans: tuple[str, ...] | None) -> bool:
    """Whether the tenant is known to have none of the plans without which there are no such objects."""
    return bool(licence and licence.plans and plans is not None and not set(licence.plans) & set(plans))
