"""Whether an object meets a condition of the catalog. The only reading of `spec.Condition`.

An empty list says as much as null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.catalog.spec import Condition, ObjectType, Protected
from shared.domain.objects import Json


def member_at(item: Mapping[str, Json], path: str) -> Json:
    """The member at a dotted path, None where there is none; behind `[]`, all of those in a list. A name that holds
    dots itself (`@odata.type`) is taken whole if the object has it."""
    if path in item:
        return item[path]
    value: Json = dict(item)
    names = path.split(".")
    for number, name in enumerate(names, start=1):
        if not isinstance(value, dict):
            return None
        value = value.get(name.removesuffix("[]"))
        if name.endswith("[]") and isinstance(value, list):
            rest = ".".join(names[number:])
            return [member_at(one, rest) for one in value if isinstance(one, dict)]
    return value


def holds(condition: Condition, item: Mapping[str, Json]) -> bool:
    value = member_at(item, condition.path)
    values = (value or [None]) if isinstance(value, list) else [value]
    if condition.begins:
        return any(
            isinstance(one, str) and one.startswith(str(start)) for one in values for start in condition.values
        )
    if condition.within:
        return any(isinstance(one, str) and str(part) in one for one in values for part in condition.values)
    # `True == 1` in Python, and a condition on true must not be met by a number.
    return any(type(one) is type(wanted) and one == wanted for one in values for wanted in condition.values)


def any_holds(conditions: Iterable[Condition], item: Mapping[str, Json]) -> bool:
    return any(holds(condition, item) for condition in conditions)


def protection(spec: ObjectType, item: Mapping[str, Json], *, live: bool) -> Protected | None:
    """Why the object can't be written, None where it can. `live`: the item is what the tenant holds now."""
    for protected in spec.protected:
        if protected.while_so and not live:
            continue
        if holds(protected.when, item) and not (protected.unless is not None and holds(protected.unless, item)):
            return protected
    return None
