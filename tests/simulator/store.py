"""The tenant's truth: tables of objects, links between them, and the log of every committed change.

What must stay true: an object is never changed in place (a write puts a new dict), a transaction is applied
whole or not at all, and the change log is enough to see the tenant as it was at any earlier commit. Replica
lag, delta and the commit log are all read from it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .clock import SimClock

Obj = dict[str, Any]
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a transaction: an object put or removed, or a link made or cut."""

    seq: int
    kind: str  # "object" or "link"
    table: str  # table, or relationship "groups.members"
    key: str  # object id, or source of the link
    before: Any  # object or None; for a link whether it was there
    after: Any
    target: str = ""


@dataclass(slots=True)
class Transaction:
    seq: int
    time: float
    method: str
    path: str
    app: str
    changes: list[Change] = field(default_factory=list)


class Store:
    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.tables: dict[str, dict[str, Obj]] = {}
        self.order: dict[str, list[str]] = {}
        self.forward: dict[str, dict[str, dict[str, None]]] = {}
        self.reverse: dict[str, dict[str, dict[str, None]]] = {}
        self.unique: dict[str, dict[str, dict[str, str]]] = {}  # table -> property -> value -> id
        self.log: list[Transaction] = []
        self.times: list[float] = []
        self._open: Transaction | None = None
        self._seeding = False
        self._overlays: dict[int, tuple[int, View]] = {}

    # --- declaring and seeding

    def declare(self, table: str, unique: Iterable[str] = ()) -> None:
        self.tables.setdefault(table, {})
        self.order.setdefault(table, [])
        self.unique.setdefault(table, {name: {} for name in unique})

    @contextmanager
    def seeding(self) -> Iterator[None]:
        """Puts inside are the tenant's past: not logged, and sorted once at the end."""
        self._seeding = True
        try:
            yield
        finally:
            self._seeding = False
            for table, objects in self.tables.items():
                self.order[table] = sorted(objects)

    # --- reading the truth

    @property
    def seq(self) -> int:
        return len(self.log)

    def get(self, table: str, key: str) -> Obj | None:
        return self.tables[table].get(key)

    def find(self, table: str, prop: str, value: str) -> str | None:
        return self.unique[table][prop].get(value.casefold())

    def targets(self, rel: str, source: str) -> dict[str, None]:
        return self.forward.get(rel, {}).get(source, {})

    def sources(self, rel: str, target: str) -> dict[str, None]:
        return self.reverse.get(rel, {}).get(target, {})

    # --- writing

    @contextmanager
    def transaction(self, method: str, path: str, app: str) -> Iterator[Transaction]:
        if self._open is not None:
            yield self._open  # a write inside a write belongs to it
            return
        txn = Transaction(self.seq + 1, self.clock.now(), method, path, app)
        self._open = txn
        try:
            yield txn
        except BaseException:
            for change in reversed(txn.changes):
                self._undo(change)
            raise
        finally:
            self._open = None
        if txn.changes:
            self.log.append(txn)
            self.times.append(txn.time)

    def put(self, table: str, key: str, value: Obj | None) -> None:
        before = self.tables[table].get(key)
        self._apply(table, key, before, value)
        self._record("object", table, key, before, value)

    def link(self, rel: str, source: str, target: str, present: bool = True) -> bool:
        """Make or cut a link; answers whether that changed anything."""
        was = target in self.targets(rel, source)
        if was == present:
            return False
        self._apply_link(rel, source, target, present)
        self._record("link", rel, source, was, present, target)
        return True

    def _record(self, kind: str, table: str, key: str, before: Any, after: Any, target: str = "") -> None:
        if self._seeding:
            return
        if self._open is None:
            raise RuntimeError("a write outside a transaction")
        self._open.changes.append(Change(self._open.seq, kind, table, key, before, after, target))

    def _undo(self, change: Change) -> None:
        if change.kind == "link":
            self._apply_link(change.table, change.key, change.target, change.before)
        else:
            self._apply(change.table, change.key, change.after, change.before)

    def _apply(self, table: str, key: str, before: Obj | None, value: Obj | None) -> None:
        objects = self.tables[table]
        for prop, index in self.unique[table].items():
            for held in _values(before, prop):
                if index.get(held) == key:
                    del index[held]
            for held in _values(value, prop):
                index[held] = key
        if value is None:
            if key in objects:
                del objects[key]
                order = self.order[table]
                at = bisect.bisect_left(order, key)
                if at < len(order) and order[at] == key:
                    del order[at]
            return
        if key not in objects and not self._seeding:
            bisect.insort(self.order[table], key)
        objects[key] = value

    def _apply_link(self, rel: str, source: str, target: str, present: bool) -> None:
        ahead = self.forward.setdefault(rel, {})
        back = self.reverse.setdefault(rel, {})
        if present:
            ahead.setdefault(source, {})[target] = None
            back.setdefault(target, {})[source] = None
            return
        ahead.get(source, {}).pop(target, None)
        back.get(target, {}).pop(source, None)

    # --- the tenant as it was

    def seq_at(self, moment: float) -> int:
        """The newest commit not later than the moment."""
        return bisect.bisect_right(self.times, moment)

    def view(self, seq: int | None = None) -> View:
        head = self.seq
        at = head if seq is None else min(seq, head)
        cached = self._overlays.get(at)
        if cached is not None and cached[0] == head:
            return cached[1]
        view = View(self, at)
        if len(self._overlays) > 64:
            self._overlays.clear()
        self._overlays[at] = (head, view)
        return view

    def changes_between(self, after: int, upto: int) -> Iterator[Change]:
        for txn in self.log[after:upto]:
            yield from txn.changes


class View:
    """The tenant as of one commit: the truth with later changes taken back."""

    def __init__(self, store: Store, seq: int) -> None:
        self.store = store
        self.seq = seq
        self._objects: dict[str, dict[str, Obj | None]] = {}
        self._links: dict[str, dict[str, dict[str, bool]]] = {}
        self._back: dict[str, dict[str, dict[str, bool]]] = {}
        self._ids: dict[str, list[str]] = {}
        for txn in reversed(store.log[seq:]):
            for change in reversed(txn.changes):
                if change.kind == "object":
                    self._objects.setdefault(change.table, {})[change.key] = change.before
                else:
                    self._links.setdefault(change.table, {}).setdefault(change.key, {})[change.target] = (
                        change.before
                    )
                    self._back.setdefault(change.table, {}).setdefault(change.target, {})[change.key] = (
                        change.before
                    )

    def get(self, table: str, key: str) -> Obj | None:
        changed = self._objects.get(table)
        if changed is not None:
            value = changed.get(key, _ABSENT)
            if value is not _ABSENT:
                return value  # type: ignore[return-value]
        return self.store.tables[table].get(key)

    def ids(self, table: str) -> list[str]:
        """All ids of a table, sorted."""
        changed = self._objects.get(table)
        if not changed:
            return self.store.order[table]
        if table not in self._ids:
            present = set(self.store.order[table])
            for key, value in changed.items():
                if value is None:
                    present.discard(key)
                else:
                    present.add(key)
            self._ids[table] = sorted(present)
        return self._ids[table]

    def targets(self, rel: str, source: str) -> list[str]:
        return _overlaid(self.store.targets(rel, source), self._links.get(rel, {}).get(source))

    def sources(self, rel: str, target: str) -> list[str]:
        return _overlaid(self.store.sources(rel, target), self._back.get(rel, {}).get(target))

    def linked(self, rel: str, source: str, target: str) -> bool:
        changed = self._links.get(rel, {}).get(source, {}).get(target)
        return target in self.store.targets(rel, source) if changed is None else changed


def _overlaid(now: dict[str, None], changed: dict[str, bool] | None) -> list[str]:
    if not changed:
        return list(now)
    kept = [key for key in now if changed.get(key, True)]
    kept.extend(key for key, there in changed.items() if there and key not in now)
    return kept


def _values(obj: Obj | None, prop: str) -> list[str]:
    held = None if obj is None else obj.get(prop)
    if not held:
        return []
    return [v.casefold() for v in held] if isinstance(held, list) else [held.casefold()]
