"""The erasure list: object ids that no restore brings back, because erasure was asked for.

An entry holds an object id and a reference (a ticket's number), nothing that describes a person. Blobs are named by
the hash of the id, so that the names alone, which end up in the storage service's own logs, tell nobody's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.wire import Wire


class ErasureAction(StrEnum):
    ADD = "add"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class ErasureWord(Wire):
    """Payload of an approver's JWS. `reference`: where the decision is written down, never a name."""

    tenant: str
    object_id: str
    action: ErasureAction
    reference: str
    expires_at: datetime  # until when it may be recorded
    nonce: str


@dataclass(frozen=True, slots=True)
class ErasureEntry(Wire):
    """Payload of a stored entry, signed by the evidence key. `word`: the approver's JWS as it came; `needed`: how
    many approvers lifting took when this was recorded."""

    number: int
    at: datetime
    key_id: str
    needed: int
    said: ErasureWord
    word: str


def erasure_name(object_id: str) -> str:
    """What stands for an object id in names of blobs."""
    return hashlib.sha256(object_id.lower().encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Erased:
    """The objects on the list, by `erasure_name`."""

    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ids: Iterable[str]) -> Erased:
        return cls(frozenset(map(erasure_name, ids)))

    def __contains__(self, object_id: str) -> bool:
        return bool(self.names) and erasure_name(object_id) in self.names

    def through(self, ids: Mapping[str, str]) -> Erased:
        """With every id that earlier restores gave to the same object, or had replaced (old → new)."""
        if not self.names or not ids:
            return self
        olds = {new: old for old, new in ids.items()}
        found = set(self.names)
        for one in {*ids, *olds}:
            if erasure_name(one) not in self.names:
                continue
            for step in (ids, olds):
                seen, at = {one}, one
                while (at := step.get(at, at)) not in seen:
                    seen.add(at)
                found.update(map(erasure_name, seen))
        return Erased(frozenset(found))

    def barred(self, ids: Mapping[str, str], despite: Iterable[str]) -> Erased:
        """What a plan must leave out: the list through `ids`, but for those that it was approved to bring back."""
        allowed = Erased.of(despite).through(ids)
        return Erased(self.through(ids).names - allowed.names)


NOBODY: Final = Erased()
