"""Objects and links of a tenant, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import msgspec

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Which object: catalog name of its type, id in the tenant."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"


class Link(msgspec.Struct, frozen=True, order=True, gc=False, rename={"target_type": "type"}):
    """A reference kept outside the object's own JSON: a member, an owner, a manager, a contained child.

    `target_type` is a catalog name, or Graph's type name where the catalog has none, or "" where unknown.
    A struct, because there are millions of them: read from an index as they are, a fifth of a dataclass's cost.
    """

    source: str
    target: str
    target_type: str
