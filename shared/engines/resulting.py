"""The lock-out guard's facts as operations of a plan leave them. Pure: nothing is read.

What an operation makes, brings back or links is not there yet: it may catch an account, and lets none out. What a
type's objects are to the guard, its declaration says (`Bearing`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from shared.catalog.bearing import Bearing
from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import Mechanism, Operation
from shared.engines.lockout.facts import Facts, Objects
from shared.engines.lockout.shapes import objects, text
from shared.engines.markers import ID, JOIN

Change = Callable[[Objects], Objects]


def resulting(facts: Facts, operations: Iterable[Operation], catalog: Catalog) -> Facts:
    """The facts once these operations have run, one after another."""
    for operation in operations:
        spec = catalog.get(operation.type)
        if spec.bearing is not None:
            facts = _after(facts, operation, spec, spec.bearing)
    return facts


def settled(value: JsonObject) -> JsonObject:
    """With old ids where markers stand: of objects that the plan makes, which the facts know by these."""
    found = _unmarked(value)
    assert isinstance(found, dict)
    return found


def moved(operation: Operation) -> set[str]:
    """Ids of whom an operation links to its target, or takes away from it; empty for another one."""
    return {text(one) for one in (*operation.coming, *operation.going)}


def parent_in(spec: ObjectType, operation: Operation) -> str:
    """Id of the object that the operation's target belongs to, as its request's path says; "" for none."""
    path = _unmarked(operation.request.path)
    before, hole, after = spec.list_path.partition("{parent}")
    if not hole or not isinstance(path, str):
        return ""
    found = re.match(f"{re.escape(before)}([^/]+){re.escape(after)}", path)
    return unquote(found[1]) if found else ""


def _after(facts: Facts, operation: Operation, spec: ObjectType, bearing: Bearing) -> Facts:
    if operation.relationship:
        if operation.relationship not in bearing.links:
            return facts
        if spec.relationship(operation.relationship).membership:
            return _relinked(facts, operation)
    found = _change(operation, spec, bearing)
    if found is None:
        return facts
    unsettled = {text(operation.target)} if bearing.unsettling and _unsettles(operation, bearing) else set[str]()
    changed: dict[str, Any] = {bearing.fact: _changed(getattr(facts, bearing.fact), found)}
    return replace(facts, uncounted=facts.uncounted | unsettled, **changed)


def _unsettles(operation: Operation, bearing: Bearing) -> bool:
    return operation.mechanism.changes and not operation.wanted.keys().isdisjoint(bearing.unsettling)


def _changed(held: Any, change: Change) -> Any:
    """Objects of a fact, changed; of a fact that is one object, that."""
    if isinstance(held, dict):
        (found,) = change((held,)) or (held,)
        return found
    return held if held is None else change(held)


def _change(operation: Operation, spec: ObjectType, bearing: Bearing) -> Change | None:
    """What the operation does to the objects of the fact; None for nothing."""
    if bearing.parent_becomes:
        return _becoming(parent_in(spec, operation), bearing) if operation.mechanism.brings else None
    key = spec.identity or "id"
    if operation.relationship:
        change = _listing(operation, key)
    elif operation.mechanism.brings:
        change = _with(_brought(operation, spec, bearing), key)
    elif operation.mechanism.changes:
        change = _merged("" if spec.singleton else text(operation.target), settled(operation.wanted), key)
    elif operation.mechanism is Mechanism.REMOVE:
        change = _without(text(operation.target), key)
    else:
        return None
    return _inside(bearing.inside, text(parent_in(spec, operation)), change) if bearing.inside else change


def _becoming(parent: str, bearing: Bearing) -> Change:
    # In a path that says no parent anybody's may be meant.
    values: JsonObject = {**bearing.parent_becomes}
    return _merged(text(parent), values)


def _with(made: JsonObject, key: str) -> Change:
    return lambda held: (*(one for one in held if text(one.get(key)) != text(made.get(key))), made)


def _merged(name: str, values: JsonObject, key: str = "id") -> Change:
    """`name`: of the object; "" for every one."""
    return lambda held: tuple({**one, **values} if not name or text(one.get(key)) == name else one for one in held)


def _without(name: str, key: str) -> Change:
    return lambda held: tuple(one for one in held if text(one.get(key)) != name)


def _listing(operation: Operation, key: str) -> Change:
    """What an object lists of those that it is linked to, where membership means nothing."""
    name, relationship = text(operation.target), operation.relationship
    going = {text(one) for one in operation.going}

    def listed(one: JsonObject) -> JsonObject:
        held = one.get(relationship)
        if text(one.get(key)) != name or not isinstance(held, list):
            return one
        return {**one, relationship: [*(other for other in held if text(other) not in going), *operation.coming]}

    return lambda held: tuple(listed(one) for one in held)


def _inside(name: str, parent: str, change: Change) -> Change:
    """The change within the lists of this name, of the object called `parent` or, for "", of all."""

    def within(one: JsonObject) -> JsonObject:
        items = objects(one.get(name))
        if items is None or (parent and text(one.get("id")) != parent):
            return one
        return {**one, name: [*change(items)]}

    return lambda held: tuple(within(one) for one in held)


def _brought(operation: Operation, spec: ObjectType, bearing: Bearing) -> JsonObject:
    """The object that comes; whom it holds isn't known, and what else it is linked to comes after it."""
    body = operation.request.body
    asked: JsonObject = settled(body) if isinstance(body, dict) else {}
    links: JsonObject = {name: None if spec.relationship(name).membership else [] for name in bearing.links}
    return {**asked, **settled(operation.wanted), **links, spec.identity or "id": operation.target}


def _relinked(facts: Facts, operation: Operation) -> Facts:
    """Groups with what is linked and unlinked: what is linked is held by a group within the group, which lets
    nobody out, because it isn't there yet."""
    if facts.groups is None:
        return facts
    name, relationship = text(operation.target), operation.relationship
    group = next((one for one in facts.groups if text(one.get("id")) == name), None)
    members = group.get(relationship) if group is not None else None
    if group is None or not isinstance(members, list):
        return facts
    going = {text(one) for one in operation.going}
    coming: list[Json] = [*operation.coming]
    left: list[Json] = [one for one in members if text(one) not in going]
    groups = [one for one in facts.groups if one is not group]
    uncounted = facts.uncounted
    if coming:
        within = f"coming to {name} by {operation.id}"
        groups.append({"id": within, relationship: coming})
        left.append(within)
        uncounted = uncounted | {within}
    return replace(facts, groups=(*groups, {**group, relationship: left}), uncounted=uncounted)


def _unmarked(value: Json) -> Json:
    if isinstance(value, list):
        return [_unmarked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {ID}:
        return value[ID]
    if value.keys() == {JOIN}:
        parts = _unmarked(value[JOIN])
        pieces = [one for one in parts if isinstance(one, str)] if isinstance(parts, list) else []
        return "".join(pieces)
    return {name: _unmarked(one) for name, one in value.items()}
