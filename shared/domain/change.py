"""What differs between two readings of a tenant, as values.

A change says what is different, never what to do about it. "Added" and "removed" are concluded only where the
other side was read completely; where it was not, a `Gap` says so instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.objects import Json
from shared.domain.wire import Wire


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    LINK_ADDED = "linkAdded"
    LINK_REMOVED = "linkRemoved"


@dataclass(frozen=True, slots=True)
class PropertyChange(Wire):
    """One top-level member. Null stands for absent, too. `paths`: where inside the member, if it is an object."""

    name: str
    before: Json
    after: Json
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CredentialChange(Wire):
    """A secret or certificate of an application that came or went; `key_id` tells which."""

    member: str
    key_id: str
    name: str
    added: bool


@dataclass(frozen=True, slots=True)
class Change(Wire):
    """One object or link. `name` is the object's display name (of a link: its source's), untrusted text."""

    kind: ChangeKind
    type: str
    id: str
    name: str
    parent: str = ""
    properties: tuple[PropertyChange, ...] = ()
    credentials: tuple[CredentialChange, ...] = ()
    relationship: str = ""
    target: str = ""
    target_type: str = ""


@dataclass(frozen=True, slots=True)
class Gap(Wire):
    """`kind` can't be told for this type or relationship, because one side is not a complete listing."""

    name: str
    kind: ChangeKind
    why: str


@dataclass(frozen=True, slots=True)
class Summary(Wire):
    """How many changes of each kind, per type or relationship; only those that occur."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    total: int = 0

    def of(self, kind: ChangeKind) -> int:
        return sum(kinds.get(kind.value, 0) for kinds in self.counts.values())


class ChangeSet:
    """All changes from one reading to another. Every iteration reads anew, so that nothing is held in memory;
    the summary of a finished iteration is kept."""

    def __init__(
        self, before: str, after: str, gaps: tuple[Gap, ...], changes: Callable[[], AsyncIterator[Change]]
    ) -> None:
        self.before = before
        self.after = after
        self.gaps = gaps
        self._changes = changes
        self._summary: Summary | None = None

    async def __aiter__(self) -> AsyncIterator[Change]:
        counts: dict[str, dict[str, int]] = {}
        total = 0
        async for change in self._changes():
            name = f"{change.type}.{change.relationship}" if change.relationship else change.type
            kinds = counts.setdefault(name, {})
            kinds[change.kind.value] = kinds.get(change.kind.value, 0) + 1
            total += 1
            yield change
        self._summary = Summary(counts, total)

    async def summary(self) -> Summary:
        """Counts; reads everything once if no iteration was finished before."""
        if self._summary is None:
            async for _ in self:
                pass
        assert self._summary is not None
        return self._summary
