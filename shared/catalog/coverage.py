"""The words of the coverage ledger: what of Graph's metadata is read, and what is left out on purpose, with why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """The reasons for which something that Graph declares is never read. There are no others."""

    NO_WRITE_API = "noWriteApi"  # nothing could bring it back, and it says nothing of configuration
    DELEGATED_ONLY = "delegatedOnly"  # no application permission reads it
    COMPUTED = "computed"  # follows from what is read, such as the other end of a relationship
    OTHER_SERVICE = "otherService"  # kept by another service than Microsoft Entra ID
    PERMANENT = "permanent"  # the same in every tenant: Microsoft's, not the tenant's
    SECRET = "secret"  # noqa: S105 - a word of the format
    OTHER_STREAM = "streamOfAnotherWorkload"  # records of events, which their own workload keeps


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`at`: `/name` for a set or singleton of the service, `owner/member` for a member, where the owner is a name
    of the catalog or an undeclared type's full name, and that full name alone for a type. Never a pattern; what the
    thing contains goes with it."""

    at: str
    why: Why
    source: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known of the metadata. `roots`: sets and singletons under which the tenant's objects lie. `answers`:
    members by type that Graph shows without a `$select`. `gaps`: what is neither read nor excluded, and known to
    be so; spelt as in `Exclusion.at`."""

    roots: frozenset[str]
    answers: Mapping[str, frozenset[str]]
    exclusions: tuple[Exclusion, ...]
    gaps: frozenset[str]

    def __post_init__(self) -> None:
        places = [exclusion.at for exclusion in self.exclusions]
        if twice := {place for place in places if places.count(place) > 1}:
            raise ValueError(f"excluded twice: {sorted(twice)}")
        if both := self.gaps & set(places):
            raise ValueError(f"excluded and a gap: {sorted(both)}")
        if strange := {place for place in (*places, *self.gaps) if not place or set(place) & set("*?[] ")}:
            raise ValueError(f"no name of one thing: {sorted(strange)}")
        if bare := [exclusion.at for exclusion in self.exclusions if not exclusion.source]:
            raise ValueError(f"excluded without a source: {bare}")
