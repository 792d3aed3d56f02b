"""Compares the catalog with a service's metadata: what it declares that is neither read nor excluded.

Owns the comparison; the ledger is the catalog's, the metadata comes from outside. Pure. The walk starts at the sets
and singletons that the ledger names and goes along navigation properties that contain their targets: what is
referred to only has a set of its own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.catalog.coverage import Exclusion, Ledger, Why
from shared.catalog.spec import ObjectType
from shared.engines.csdl import EntityType, Metadata

# The root of all types that have a key; it and the types that add nothing to it only lead on to others.
_KEY = "id"
_VERSION = "v1.0"  # of the metadata; types that only another version knows can't be compared


class Kind(StrEnum):
    ROOT = "root"  # a set or singleton that the ledger doesn't know
    TYPE = "type"  # an entity type under the roots that no declaration reads
    PROPERTY = "property"
    NAVIGATION = "navigation"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """`at`: as in `Exclusion.at`; `path`: where it was met first, without version."""

    at: str
    kind: Kind
    path: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """`read`: number of members read, by catalog name. `gaps`: neither read nor excluded, and known to the ledger;
    `unknown`: those it doesn't know. `absent`: declared types whose entity type the metadata lacks. `stale`: what
    the ledger excludes or calls a gap and the metadata doesn't hold (other clouds and versions hold less)."""

    read: Mapping[str, int]
    excluded: tuple[Exclusion, ...]
    gaps: tuple[Finding, ...]
    unknown: tuple[Finding, ...]
    absent: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def by_reason(self) -> dict[Why, int]:
        """Exclusions met, by reason; every reason is there."""
        counts = Counter(exclusion.why for exclusion in self.excluded)
        return {why: counts[why] for why in Why}

    @property
    def by_kind(self) -> dict[Kind, int]:
        """Known gaps, by kind; every kind is there."""
        counts = Counter(gap.kind for gap in self.gaps)
        return {kind: counts[kind] for kind in Kind}


def compare(types: Iterable[ObjectType], metadata: Metadata, ledger: Ledger) -> Coverage:
    """`types`: the catalog's."""
    listed = tuple(spec for spec in types if not spec.not_read)
    own = tuple(spec for spec in listed if spec.facet is None and not spec.bin_of)
    # What several collections hold stands where the first of them does.
    declared = {
        kind.removeprefix("#"): spec for spec in reversed(own) for kind in (spec.odata_type, *spec.subtypes)
    }
    beside: dict[str, set[str]] = {}  # by type: what is read of its objects besides their listing
    for spec in listed:
        beside.setdefault(spec.name, set()).update(one.member for one in spec.apart)
        if spec.facet is not None:
            # A collection is read whole, and so is what stands for it in the service.
            segments = [one for one in spec.facet.collection.split("/") if "." not in one]  # but for a cast
            held = [one.member for one in spec.apart] or segments[:1]
            names = held if any(held) else spec.select
            beside.setdefault(spec.facet.of, set()).update(names)
    walk = _Walk(metadata, ledger, own, declared, beside)
    met = walk.findings()
    excluded = tuple(exclusion for exclusion in ledger.exclusions if exclusion.at in walk.left_out)
    seen = {finding.at for finding in met} | walk.left_out
    return Coverage(
        read=walk.read,
        excluded=excluded,
        gaps=tuple(finding for finding in met if finding.at in ledger.gaps),
        unknown=tuple(finding for finding in met if finding.at not in ledger.gaps),
        absent=tuple(
            spec.name
            for spec in own
            if spec.odata_type.removeprefix("#") not in metadata.entities and spec.version == _VERSION
        ),
        stale=tuple(sorted(({exclusion.at for exclusion in ledger.exclusions} | ledger.gaps) - seen)),
    )


class _Walk:
    """One walk over the metadata, for one comparison."""

    def __init__(
        self,
        metadata: Metadata,
        ledger: Ledger,
        own: Iterable[ObjectType],
        declared: Mapping[str, ObjectType],
        beside: Mapping[str, set[str]],
    ) -> None:
        self._beside = beside
        self._metadata = metadata
        self._ledger = ledger
        self._own = tuple(own)
        self._declared = declared
        self._paths = tuple(f"{spec.path}/" for spec in self._own)
        self._excluded = {exclusion.at for exclusion in ledger.exclusions}
        self._met: dict[str, Finding] = {}
        self._whole = set(self._read_whole())
        self.left_out: set[str] = set()
        self.read: dict[str, int] = {}

    def findings(self) -> tuple[Finding, ...]:
        for spec in self._own:
            name = spec.odata_type.removeprefix("#")
            if name in self._metadata.entities:
                self._members(name, spec)
            elif spec.version != _VERSION:
                self.read[spec.name] = len(spec.select or self._ledger.answers.get(spec.name, ()))
        named = deque(self._roots())
        # What inherits from a type that was named comes second, so that each type is met where it is at home.
        implied: deque[tuple[str, str]] = deque()
        walked: set[str] = set()
        while named or implied:
            path, target = named.popleft() if named else implied.popleft()
            implied.extend((path, kind.name) for kind in self._metadata.descendants(target))
            for entity in self._metadata.lineage(target)[:1]:
                if entity.name not in walked:
                    walked.add(entity.name)
                    named.extend(self._below(path, entity))
        return tuple(sorted(self._met.values()))

    def _members(self, name: str, spec: ObjectType) -> None:
        """Members of a declared type, of its bases and of what inherits from it: a listing holds all."""
        beside = self._beside.get(spec.name, set())
        grouped = {name for group in spec.member_groups for name in group.members}
        read = beside | (grouped.union(spec.select) or self._ledger.answers.get(spec.name, frozenset()))
        linked = beside | {relationship.path.rpartition("/")[2] for relationship in spec.relationships}
        derived = (one for one in self._metadata.descendants(name) if _is_of(spec, one.name))
        family = (*self._metadata.lineage(name), *derived)
        known: set[str] = set()
        for entity in family:
            for member, kind in _members_of(entity):
                leads = kind is Kind.NAVIGATION and self._read_apart(spec, member)
                if member in (linked if kind is Kind.NAVIGATION else read) or leads:
                    known.add(member)
                else:
                    self._note(f"{spec.name}/{member}", kind, f"{spec.path}/{member}")
        self.read[spec.name] = self.read.get(spec.name, 0) + len(known)

    def _read_apart(self, spec: ObjectType, member: str) -> bool:
        """Whether what a navigation property leads to is shown inline, or declared with a path of its own."""
        if member in self._ledger.answers.get(spec.name, frozenset()):
            return True
        return any(path.startswith(f"{spec.path}/{member}/") for path in self._paths)

    def _read_whole(self) -> Iterator[str]:
        """Types that a member with a path of its own leads to, and those within: a GET there shows them whole."""
        reached = {
            navigation.target
            for spec in self._own
            for entity in self._metadata.lineage(spec.odata_type.removeprefix("#"))
            for navigation in entity.navigations
            if navigation.contains and any(one.member == navigation.name for one in spec.apart)
        }
        while reached:
            yield from reached
            reached = {
                navigation.target
                for target in reached
                for entity in self._metadata.lineage(target)
                for navigation in entity.navigations
                if navigation.contains
            }

    def _roots(self) -> Iterator[tuple[str, str]]:
        for name, target in self._metadata.roots.items():
            if name in self._ledger.roots:
                yield f"/{name}", target
            else:
                self._note(f"/{name}", Kind.ROOT, f"/{name}")

    def _below(self, path: str, entity: EntityType) -> Iterator[tuple[str, str]]:
        owner = self._owner(entity)
        inline = self._ledger.answers.get(owner or "", frozenset()) | self._beside.get(owner or "", set())
        if owner is None:
            if entity.name in self._whole:
                return
            if not self._leads_on_only(entity) and self._note(entity.name, Kind.TYPE, path):
                return
            owner = entity.name
        for inherited in self._metadata.lineage(entity.name):
            for navigation in inherited.navigations:
                at = f"{owner}/{navigation.name}"
                if not navigation.contains or navigation.name in inline:
                    continue
                if at in self._excluded:
                    self.left_out.add(at)
                    continue
                yield f"{path}/{navigation.name}", navigation.target

    def _owner(self, entity: EntityType) -> str | None:
        """The catalog's name of a type that is read, itself or as one of its kind."""
        for candidate in self._metadata.lineage(entity.name):
            spec = self._declared.get(candidate.name)
            if spec is not None and (candidate is entity or _is_of(spec, entity.name)):
                return spec.name
        return None

    def _leads_on_only(self, entity: EntityType) -> bool:
        """Whether a type has nothing of its own to be read: a folder of others, or what they inherit from. What it
        has may be left out, too."""
        lineage = self._metadata.lineage(entity.name)
        names = {name for one in lineage for name in one.properties} - {_KEY}
        left_out = {f"{entity.name}/{name}" for name in names} & self._excluded
        if len(left_out) < len(names) or not any(one.navigations for one in lineage):
            return False
        self.left_out |= left_out
        return True

    def _note(self, at: str, kind: Kind, path: str) -> bool:
        """Whether it is excluded; else it is a finding."""
        if at in self._excluded:
            self.left_out.add(at)
            return True
        self._met.setdefault(at, Finding(at, kind, path))
        return False


def _is_of(spec: ObjectType, derived: str) -> bool:
    """Whether a listing of the type holds objects of this derived one."""
    return not spec.subtypes or f"#{derived}" in spec.subtypes


def _members_of(entity: EntityType) -> Iterator[tuple[str, Kind]]:
    for name in entity.properties:
        yield name, Kind.PROPERTY
    for navigation in entity.navigations:
        yield navigation.name, Kind.NAVIGATION
