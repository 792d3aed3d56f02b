"""The form of a type's rule: what a create needs, what a write may not touch, what a read shows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LinkRule:
    """A relationship to other directory objects."""

    name: str
    targets: tuple[str, ...]
    single: bool = False
    tracked_by_delta: bool = False


@dataclass(frozen=True)
class TypeRule:
    table: str
    odata_type: str
    model: str
    source: str
    required: tuple[str, ...] = ()
    read_only: frozenset[str] = frozenset()
    write_once: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    default_select: tuple[str, ...] | None = None  # None: every value property
    only_on_select: frozenset[str] = frozenset()
    only_on_single_get: frozenset[str] = frozenset()
    unique: tuple[str, ...] = ()
    reserved_in_bin: frozenset[str] = frozenset()
    alternate_keys: tuple[str, ...] = ()
    links: tuple[LinkRule, ...] = ()
    has_bin: bool = False
    has_delta: bool = False
    merges_nested: bool = True  # PATCH of a complex member: merged, or replaced whole
    audit_name: str = ""
    audit_category: str = "DirectoryManagement"
    expandable: frozenset[str] = field(default_factory=frozenset)
    most: int = 0  # how many a tenant may have; 0: no such limit
    path: str = ""  # of the collection or singleton; "" is the table's name

    @property
    def root(self) -> str:
        return self.path or f"/{self.table}"
