"""Objects and links of a tenant, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Which object: catalog name of its type, id in the tenant."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A reference kept outside the object's own JSON: a member, an owner, a manager, a contained child.

    `target_type` is a catalog name, or Graph's type name where the catalog has none, or "" where unknown.
    """

    source: str
    target: str
    target_type: str
