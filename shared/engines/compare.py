"""When two values of a member mean the same, and in which form a value is written back.

Null, absent and empty say the same: Graph leaves out, nulls or empties what isn't set, and not always the same
way. Annotations say nothing. Lists that the catalog declares sets are compared as sets, nested objects that it
declares `by_id` by their id, those that it declares `named` by what names them, and what the service fills in
(`computed_within`), shows in some answers only (`shown_singly`) or lets begin at no past date (`begins`) not at
all. The planner, the executor and the verification use this one reading, or they would disagree about "as wanted".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from shared.catalog.spec import ObjectType
from shared.domain.objects import Json, JsonObject
from shared.engines.canonical import KIND, TYPE_TAG, canonical, content_hash, is_annotation
from shared.engines.markers import BEGINS

_SCALARS: Final = (str, bool)


class Form:
    """The forms of one type's values. Cheap to make; meant to be made once per type and run. `everything`: for
    reports, where a difference counts that no write of this object could mend."""

    def __init__(self, spec: ObjectType, *, everything: bool = False) -> None:
        self.spec = spec
        self._sets = frozenset(spec.sets)
        self._named = {**({} if everything else dict.fromkeys(spec.by_id, "id")), **spec.named}
        filled_in = () if everything else (*spec.computed_within, *spec.begins)
        self._computed = frozenset((*spec.shown_singly, *filled_in))
        self._begins = frozenset(spec.begins)
        self._typed = frozenset((*spec.typed, *spec.kinds))
        self._kinds = frozenset(spec.kinds)
        self._prefixes = {member: re.compile(prefix) for member, prefix in spec.prefixed.items()}

    # --- comparing

    def same(self, member: str, one: Json, other: Json) -> bool:
        if type(one) is type(other) and isinstance(one, _SCALARS):
            return one == other or self.bare(member, one) == self.bare(member, other)
        left, right = self._meaning(member, one), self._meaning(member, other)
        if left is None or right is None:
            return left is right
        return self._canonical(member, left) == self._canonical(member, right)

    def differing(self, live: Mapping[str, Json], expected: Mapping[str, Json]) -> list[str]:
        """Members of `expected` that `live` doesn't hold so, sorted."""
        return sorted(name for name, value in expected.items() if not self.same(name, live.get(name), value))

    def bare(self, member: str, value: Json) -> Json:
        """The value without what the service puts before it."""
        prefix = self._prefixes.get(member)
        found = prefix.match(value) if prefix is not None and isinstance(value, str) else None
        return value[found.end() :] if found is not None and isinstance(value, str) else value

    def empty(self, member: str, value: Json) -> bool:
        return self._meaning(member, value) is None

    def content(self, item: Mapping[str, Json], members: Iterable[str]) -> bytes:
        """One text for what the object says in these members; equal for objects that say the same."""
        told: dict[str, Json] = {}
        for name in members:
            meaning = self._meaning(name, item.get(name))
            if meaning is not None:
                told[name] = meaning
        return canonical(told, sets=self._sets)

    def differing_paths(self, member: str, one: Json, other: Json) -> tuple[str, ...]:
        """Where two values of a member differ: dotted paths inside it, as deep as both are objects."""
        found: list[str] = []
        self._descend(member, self._meaning(member, one), self._meaning(member, other), found)
        return tuple(found)

    def _descend(self, path: str, one: Json, other: Json, found: list[str]) -> None:
        if isinstance(one, dict) and isinstance(other, dict):
            for name in sorted({*one, *other}):
                self._descend(f"{path}.{name}", one.get(name), other.get(name), found)
        elif self._nested(path, one) != self._nested(path, other):
            found.append(path)

    def _nested(self, path: str, value: Json) -> bytes:
        """Canonical bytes of a value at a dotted path, so that sets inside it are found by their paths."""
        for name in reversed(path.split(".")):
            value = {name: value}
        return canonical(value, sets=self._sets)

    def _canonical(self, member: str, value: Json) -> bytes:
        return canonical({member: value}, sets=self._sets)

    def _meaning(self, path: str, value: Json) -> Json:
        """The value without what says nothing; None for an empty one. Items of lists all count."""
        if isinstance(value, dict):
            if path in self._named and not _is_marker(value):
                return self._name(path, value)
            told: dict[str, Json] = {}
            for name, member in value.items():
                below = f"{path}.{name}"
                if name == TYPE_TAG and path in self._kinds:
                    told[KIND] = member
                    continue
                if is_annotation(name) or below in self._computed:
                    continue
                meaning = self._meaning(below, member)
                if meaning is not None:
                    told[name] = meaning
            return told or None
        if isinstance(value, list):
            flag = self.spec.retired.get(path)
            counting = value if flag is None else [one for one in value if isinstance(one, dict) and one.get(flag)]
            return [self._item(path, item) for item in counting] or None
        return self.bare(path, value)

    def _name(self, path: str, value: JsonObject) -> Json:
        key = self._named[path]
        return {key: value[key]} if value.get(key) is not None else None

    def _item(self, path: str, item: Json) -> Json:
        meaning = self._meaning(path, item)
        return {} if meaning is None and isinstance(item, dict) else meaning

    # --- writing

    def written(self, member: str, value: Json, live: Json = None) -> Json:
        """The value as it goes into a request. Nulls inside are left out, unless they clear something that is
        set live: some members are merged by a PATCH, others replaced. An object of nothing but nulls is null:
        Graph clears session controls so, and refuses them empty."""
        if member in self.spec.valued:
            return self._values(member, value, live)
        if flag := self.spec.retired.get(member):
            return self._grown(flag, value, live)
        if self._meaning(member, value) is None and not isinstance(value, dict):
            return _cleared(live)
        # A PUT replaces the whole, of whatever type it was.
        return self._written(member, value, None if self.spec.put and value != live else live)

    def _values(self, member: str, value: Json, live: Json) -> Json:
        """Objects by name whose values are merged: each set one with its type, and what is only live taken away."""
        then, now = (one if isinstance(one, dict) else {} for one in (value, live))
        body: JsonObject = {}
        for name in sorted({*then, *now}):
            if is_annotation(name):
                continue
            old, new = (one if isinstance(one := side.get(name), dict) else {} for side in (then, now))
            held: JsonObject = {}
            for key in sorted({*old, *new}):
                is_set = self._meaning(key, old.get(key)) is not None
                if is_annotation(key) or not (is_set or self._meaning(key, new.get(key)) is not None):
                    continue
                told = old[key] if is_set else _cleared(new.get(key))
                if kind := _kind_of(new.get(key) if told == [] else told):
                    held[f"{key}@odata.type"] = kind
                held[key] = told
            if held:
                body[name] = {TYPE_TAG: self.spec.valued[member], **held}
        return body or None

    def _grown(self, flag: str, value: Json, live: Json) -> Json:
        """A list from which nothing can be taken: what is only live loses its flag."""
        then, now = (one if isinstance(one, list) else [] for one in (value, live))
        kept: list[Json] = [one for one in then if isinstance(one, dict)]
        ids = {one.get("id") for one in then if isinstance(one, dict)}
        gone = [one for one in now if isinstance(one, dict) and one.get("id") not in ids and one.get(flag)]
        return [self._written("", one, None) for one in kept] + [{"id": one["id"], flag: False} for one in gone]

    def shown(self, member: str, value: Json) -> Json:
        """The value as the plan shows what was live: without annotations, nulls kept."""
        if isinstance(value, dict):
            if member in self._named:
                return {self._named[member]: value.get(self._named[member])}
            return {
                name: self.shown(f"{member}.{name}", inner)
                for name, inner in value.items()
                if (not is_annotation(name) or (name == TYPE_TAG and member in self._kinds))
                and f"{member}.{name}" not in self._computed
            }
        if isinstance(value, list):
            return [self.shown(member, item) for item in value]
        return value

    def _written(self, path: str, value: Json, live: Json) -> Json:
        if isinstance(value, dict):
            if _is_marker(value):
                return value
            if path in self._named:
                named = self._name(path, value)
                kind = {TYPE_TAG: value[TYPE_TAG]} if path in self._typed and TYPE_TAG in value else {}
                return {**kind, **named} if isinstance(named, dict) else None
            body = self._members(path, value, live)
            return body or None
        if isinstance(value, list):
            return [
                self._members(path, item, None)
                if isinstance(item, dict) and not _is_marker(item) and path not in self._named
                else self._written(path, item, None)
                for item in value
            ]
        return self.bare(path, value)

    def _members(self, path: str, value: JsonObject, live: Json) -> JsonObject:
        held = live if isinstance(live, dict) else {}
        if path in self._kinds and held.get(TYPE_TAG) != value.get(TYPE_TAG):
            held = {}  # of another kind, whose members this one may not have
        body: JsonObject = {}
        for name, member in value.items():
            below = f"{path}.{name}"
            if name == TYPE_TAG and path in self._typed:
                body[name] = member
            if below in self._begins and member is not None:
                body[name] = held.get(name) or {BEGINS: member}
            if is_annotation(name) or below in self._computed:
                continue
            if self._meaning(below, member) is not None:
                body[name] = self._written(below, member, held.get(name))
            elif self._meaning(below, held.get(name)) is not None:
                body[name] = self._written(below, member, held[name]) if member else _cleared(held[name])
            elif member is not None and not isinstance(member, dict):
                body[name] = member  # an empty list, which some requests must hold
        for name, inner in held.items():
            below = f"{path}.{name}"
            if below in self._begins and name not in value:
                body[name] = inner
            if name in value or is_annotation(name) or below in self._computed:
                continue
            if self._meaning(below, inner) is not None:
                body[name] = _cleared(inner)
        return body


def _kind_of(value: Json) -> str:
    """How OData calls the type of a value that has to be told; "" where JSON tells it."""
    if isinstance(value, list):
        return f"#Collection({'Int32' if value and isinstance(value[0], int) else 'String'})"
    return "#Int32" if isinstance(value, int) and not isinstance(value, bool) else ""


def _cleared(live: Json) -> Json:
    """What empties a value that is set live: collections don't take null."""
    return [] if isinstance(live, list) else None


def hasher(spec: ObjectType) -> Callable[[bytes], str]:
    """What makes the content hash of an object of this type. It raises `Unusable` for what is not JSON."""
    return partial(
        content_hash,
        volatile=frozenset(spec.volatile),
        sets=frozenset(spec.sets),
        kinds=spec.kinds,
        named=spec.named,
    )


def same(spec: ObjectType, member: str, one: Json, other: Json) -> bool:
    """`Form.same` for a single comparison."""
    return Form(spec).same(member, one, other)


def differing(spec: ObjectType, live: Mapping[str, Json], expected: Mapping[str, Json]) -> list[str]:
    """`Form.differing` for a single comparison."""
    return Form(spec).differing(live, expected)


def _is_marker(value: JsonObject) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def holds_markers(value: Json) -> bool:
    """Whether a value of the tenant holds a name beginning with `$`, which a plan would take for a marker."""
    if isinstance(value, dict):
        return any(name.startswith("$") or holds_markers(member) for name, member in value.items())
    if isinstance(value, list):
        return any(holds_markers(item) for item in value)
    return False
