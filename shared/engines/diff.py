"""What changed between two readings: two snapshots, or a snapshot and the live tenant.

A merge of sorted indexes: cost follows the number of objects, memory stays flat, and objects are opened only
where their content hashes differ, pack by pack. "Removed" is said only where the later side is a complete
listing, "added" only where the earlier one is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, Relationship
from shared.domain.change import Change, ChangeKind, ChangeSet, CredentialChange, Gap, PropertyChange
from shared.domain.objects import Json, JsonObject
from shared.domain.snapshot import Completeness
from shared.engines.canonical import is_annotation
from shared.engines.compare import Form
from shared.engines.member_groups import unread, without
from shared.engines.merge import both_indexes, both_links, completeness_of, left_off
from shared.engines.opening import TOGETHER, Pair, open_pairs
from shared.engines.view import View

_WAITING: Final = 64 * 1024  # objects that came or went, held so that all changes are told in id order


async def diff(before: View, after: View, catalog: Catalog, *, types: Iterable[str] = ()) -> ChangeSet:
    """The changes from `before` to `after`, of all types or of those named (contained types included)."""
    wanted = frozenset(types)
    for name in wanted:
        catalog.get(name)
    specs = tuple(spec for spec in catalog.compared if not wanted or spec.name in wanted or spec.parent in wanted)
    return ChangeSet(
        before.label, after.label, tuple(_gaps(before, after, specs)), lambda: _changes(before, after, specs)
    )


def property_changes(form: Form, before: JsonObject, after: JsonObject) -> tuple[PropertyChange, ...]:
    """Members that differ in meaning, volatile ones and annotations left out, in name order."""
    changes = []
    for name in sorted({*before, *after}):
        if is_annotation(name) or name in form.spec.volatile:
            continue
        one, other = before.get(name), after.get(name)
        if form.same(name, one, other) or _only_keys_differ(form, name, one, other):
            continue
        paths = form.differing_paths(name, one, other)
        changes.append(PropertyChange(name, one, other, () if paths == (name,) else paths))
    return tuple(changes)


def credential_changes(spec: ObjectType, before: JsonObject, after: JsonObject) -> tuple[CredentialChange, ...]:
    """Secrets and certificates that came or went, by key id."""
    changes = []
    for member in sorted(spec.secret):
        old, new = keys_of(before.get(member)), keys_of(after.get(member))
        for key in sorted({*old, *new}):
            if (key in old) != (key in new):
                changes.append(CredentialChange(member, key, {**old, **new}[key], key in new))
    return tuple(changes)


def keys_of(value: Json) -> dict[str, str]:
    """Key id → name of the credentials in a member."""
    if not isinstance(value, list):
        return {}
    found = {}
    for item in value:
        if isinstance(item, dict) and isinstance(key := item.get("keyId"), str):
            name = item.get("displayName")
            found[key] = name if isinstance(name, str) else ""
    return found


def _only_keys_differ(form: Form, name: str, one: Json, other: Json) -> bool:
    """Whether a difference is told in full by the credentials that came and went."""
    if name not in form.spec.secret:
        return False
    common = keys_of(one).keys() & keys_of(other).keys()
    return form.same(name, _of_keys(one, common), _of_keys(other, common))


def _of_keys(value: Json, keys: set[str]) -> Json:
    if not isinstance(value, list):
        return value if value else None
    kept = [item for item in value if not isinstance(item, dict) or item.get("keyId", "") in keys]
    return sorted(kept, key=lambda item: str(item.get("keyId")) if isinstance(item, dict) else "")


def _gaps(before: View, after: View, specs: Iterable[ObjectType]) -> Iterable[Gap]:
    for spec in specs:
        sides = completeness_of(before, spec), completeness_of(after, spec)
        yield from _gaps_of(spec.name, before, after, sides, ChangeKind.ADDED, ChangeKind.REMOVED)
        for group, why in unread(spec, before, after).items():
            yield Gap(f"{spec.name}.{group}", ChangeKind.CHANGED, why)
        for relationship in spec.relationships:
            if relationship.contains:
                continue
            name = f"{spec.name}.{relationship.name}"
            yield from _gaps_of(
                name,
                before,
                after,
                (before.completeness(name), after.completeness(name)),
                ChangeKind.LINK_ADDED,
                ChangeKind.LINK_REMOVED,
            )


def _gaps_of(
    name: str,
    before: View,
    after: View,
    sides: tuple[Completeness, Completeness],
    added: ChangeKind,
    removed: ChangeKind,
) -> Iterable[Gap]:
    if left_off(sides):
        return
    for view, side, kind in ((before, sides[0], added), (after, sides[1], removed)):
        if not side.is_complete:
            yield Gap(name, kind, f"{view.label}: {side}")


async def _changes(before: View, after: View, specs: tuple[ObjectType, ...]) -> AsyncIterator[Change]:
    for spec in specs:
        async for change in _object_changes(before, after, spec):
            yield change
        for relationship in spec.relationships:
            if not relationship.contains:
                async for change in _link_changes(before, after, spec, relationship):
                    yield change


async def _object_changes(before: View, after: View, spec: ObjectType) -> AsyncIterator[Change]:
    can_add = completeness_of(before, spec).is_complete
    can_remove = completeness_of(after, spec).is_complete
    pending: list[Pair] = []
    waiting: list[Change] = []  # changes after the first pending pair, so that all come in id order

    async def opened() -> list[Change]:
        changed = await _compare(before, after, spec, pending)
        result = sorted([*changed, *waiting], key=lambda change: change.id)
        pending.clear()
        waiting.clear()
        return result

    async for pairs in both_indexes(before, after, spec.name).batches:
        for old, new in pairs:
            if old is not None and new is not None:
                if old.hash != new.hash:
                    pending.append((old, new))
            elif old is not None and can_remove:
                waiting.append(Change(ChangeKind.REMOVED, spec.name, old.id, old.name, old.parent))
            elif new is not None and can_add:
                waiting.append(Change(ChangeKind.ADDED, spec.name, new.id, new.name, new.parent))
        if len(pending) >= TOGETHER or len(waiting) >= _WAITING:
            for change in await opened():
                yield change
    for change in await opened():
        yield change


async def _compare(before: View, after: View, spec: ObjectType, pairs: Sequence[Pair]) -> list[Change]:
    form = Form(spec, everything=True)
    known = without(spec, unread(spec, before, after))
    changes = []
    async for (_, new), old_item, new_item in open_pairs(before, after, spec.name, pairs):
        properties = property_changes(form, known(old_item), known(new_item))
        credentials = credential_changes(spec, old_item, new_item)
        if properties or credentials:  # hashes also tell null from absent, which mean the same
            changes.append(
                Change(ChangeKind.CHANGED, spec.name, new.id, new.name, new.parent, properties, credentials)
            )
    return changes


async def _link_changes(
    before: View, after: View, spec: ObjectType, relationship: Relationship
) -> AsyncIterator[Change]:
    name = f"{spec.name}.{relationship.name}"
    can_add = before.completeness(name).is_complete
    can_remove = after.completeness(name).is_complete
    names = _Names(before, after, spec)
    async for pairs in both_links(before, after, spec.name, relationship.name).batches:
        for old, new in pairs:
            if old is not None and new is not None:
                continue
            if old is not None and can_remove:
                kind, link = ChangeKind.LINK_REMOVED, old
            elif new is not None and can_add:
                kind, link = ChangeKind.LINK_ADDED, new
            else:
                continue
            yield Change(
                kind,
                spec.name,
                link.source,
                await names.of(link.source),
                relationship=relationship.name,
                target=link.target,
                target_type=link.target_type,
            )


class _Names:
    """Names of sources, read from the indexes in step with links that come sorted by source."""

    def __init__(self, before: View, after: View, spec: ObjectType) -> None:
        self._pairs = aiter(both_indexes(before, after, spec.name))
        self._at = ""
        self._name = ""

    async def of(self, source: str) -> str:
        while self._at < source:
            pair = await anext(self._pairs, None)
            if pair is None:
                self._at, self._name = "\U0010ffff", ""
                break
            entry = pair[1] or pair[0]
            assert entry is not None
            self._at, self._name = entry.id, entry.name
        return self._name if self._at == source else ""
