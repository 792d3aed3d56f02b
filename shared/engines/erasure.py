"""The erasure list in the evidence container: who may add to it, how it is read, and what a forged entry can do.

    v1/{tenant}/erasures/{SHA-256 of the object id}/{number}.jws

An approver signs a word (add or lift), the backup app checks it and stores it under the evidence key; the number is
claimed by creating the blob. One approver may add. Lifting takes as many approvers as a plan does, since it undoes
what protects a person.

Whatever lies under a name bars that object, as a cancellation stops a plan whatever it holds: a key that is no
longer trusted, or a damaged blob, must not let somebody back in who was to be erased. A false blob only costs the
approvers an override. What takes the bar away, a lift, counts with its signature alone.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from shared.domain.erasure import Erased, ErasureAction, ErasureEntry, ErasureWord, erasure_name
from shared.domain.errors import IntegrityError, Refused, Unusable
from shared.domain.plan import RestorePlan
from shared.domain.ports import Clock, Signer
from shared.engines import jws
from shared.engines.approvals import ApprovalDesk
from shared.engines.evidence import Evidence
from shared.engines.jws import Purpose
from shared.engines.paths import tenant_folder
from shared.engines.wire import decode

MAX_TOKEN = 8 * 1024
_BLOB = re.compile(r"([0-9a-f]{64})/(\d{4})\.jws", re.ASCII)
_OBJECT = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}", re.ASCII)
_REFERENCE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/#-]{0,63}", re.ASCII)
_LAST = 9999


def erasures_folder(tenant: str) -> str:
    return f"{tenant_folder(tenant)}erasures/"


def erasure_blob(tenant: str, name: str, number: int) -> str:
    return f"{erasures_folder(tenant)}{name}/{number:04}.jws"


def check_word(word: ErasureWord) -> None:
    """Raises `Unusable` for ids and references that can't be what they should."""
    if not _OBJECT.fullmatch(word.object_id):
        raise Unusable("not an object id")
    if not _REFERENCE.fullmatch(word.reference):
        raise Unusable(
            "a reference has 1 to 64 letters, digits and ._:/#- and no spaces",
            hint="give the number of a ticket or file; it must not name the person",
        )


@dataclass(slots=True)
class Standing:
    """What the list says of one object. `entries`: those that verify; `odd`: names of blobs that don't."""

    name: str
    entries: list[ErasureEntry] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    barred: bool = True
    lifted_by: set[str] = field(default_factory=set)  # key ids since it was last added

    def take(self, entry: ErasureEntry) -> None:
        self.entries.append(entry)
        if entry.said.action is ErasureAction.ADD:
            self.barred = True
            self.lifted_by.clear()
            return
        self.lifted_by.add(entry.key_id)
        self.barred = self.barred and len(self.lifted_by) < entry.needed


class Erasures:
    """The list, read. What was read once is remembered, for no blob ever changes."""

    def __init__(self, evidence: Evidence, earlier: Sequence[Evidence] = ()) -> None:
        """`earlier`: of restores that were run from elsewhere, whose lists bar as well, and are only read."""
        self._evidence = evidence
        self._earlier = [Erasures(one) for one in earlier]
        self._read: dict[str, ErasureEntry | None] = {}
        self._barred: tuple[tuple[str, Erased], Erased] | None = None  # of the plan asked for last

    async def erased(self) -> Erased:
        """Whom no restore may bring back, as of now. Raises `StorageDown` rather than leave somebody out."""
        names = {one.name async for one in self.standings() if one.barred}
        for other in self._earlier:
            names |= (await other.erased()).names
        return Erased(frozenset(names))

    async def barred(self, plan: RestorePlan) -> Erased:
        """Whom this plan must not bring back, as of now."""
        erased = await self.erased()
        if self._barred is None or self._barred[0] != (plan.id, erased):
            self._barred = (plan.id, erased), erased.barred(plan.known_ids, plan.despite_erasure)
        return self._barred[1]

    async def standings(self) -> AsyncIterator[Standing]:
        """What the list says of each object that it ever named."""
        folder = erasures_folder(self._evidence.tenant)
        standing: Standing | None = None
        async for stat in self._evidence.store.list(folder):
            match = _BLOB.fullmatch(stat.name.removeprefix(folder))
            if match is None:
                continue
            if standing is None or standing.name != match[1]:
                if standing is not None:
                    yield standing
                standing = Standing(match[1])
            await self._add(standing, stat.name, int(match[2]))
        if standing is not None:
            yield standing

    async def of(self, object_id: str) -> tuple[Standing, int]:
        """What the list says of one object (not barred where it has no entry), and the next number."""
        name = erasure_name(object_id)
        folder = f"{erasures_folder(self._evidence.tenant)}{name}/"
        standing, last = Standing(name), 0
        async for stat in self._evidence.store.list(folder):
            match = _BLOB.fullmatch(f"{name}/{stat.name.removeprefix(folder)}")
            if match is not None:
                last = int(match[2])
                await self._add(standing, stat.name, last)
        standing.barred = standing.barred and last > 0
        return standing, last + 1

    async def _add(self, standing: Standing, blob: str, number: int) -> None:
        if blob not in self._read:
            token = await self._evidence.store.get(blob)
            self._read[blob] = self._entry(standing.name, blob, number, token)
        entry = self._read[blob]
        if entry is None:
            standing.odd.append(blob)
            standing.barred = True
            standing.lifted_by.clear()
        else:
            standing.take(entry)

    def _entry(self, name: str, blob: str, number: int, token: bytes) -> ErasureEntry | None:
        try:
            entry = self._evidence.open_signed(ErasureEntry, blob, token, Purpose.EVIDENCE)
        except IntegrityError:
            return None
        place = (entry.said.tenant, erasure_name(entry.said.object_id), entry.number)
        return entry if place == (self._evidence.tenant, name, number) else None


class ErasureDesk:
    """Records approvers' words on the list. `signer` holds the evidence key."""

    def __init__(self, evidence: Evidence, desk: ApprovalDesk, signer: Signer, clock: Clock) -> None:
        self._evidence = evidence
        self._desk = desk
        self._signer = signer
        self._clock = clock

    async def record(self, token: bytes) -> ErasureEntry:
        """Checks a word and keeps it. The same one again changes nothing, whenever it comes. Raises `Refused`
        naming the rule, `Unusable`."""
        if len(token) > MAX_TOKEN:
            raise Unusable("the entry is too long")
        known = await self._desk.approvers()
        try:
            payload, key_id = jws.verify_signed(token, Purpose.ERASURE, known.keys)
        except Refused as error:
            raise Refused(f"the entry's signature is not valid: {error.what}") from None
        word = decode(ErasureWord, payload)
        check_word(word)
        if word.tenant != self._evidence.tenant:
            raise Refused("the entry is for another tenant")
        while True:
            # Read anew each time: the number that was lost may hold this very word, by another worker.
            standing, number = await Erasures(self._evidence).of(word.object_id)
            held = next((one for one in standing.entries if one.said == word and one.key_id == key_id), None)
            if held is not None:
                return held
            self._check(word, standing, number)
            entry = ErasureEntry(number, self._clock.now(), key_id, known.needed, word, token.decode("ascii"))
            blob = erasure_blob(self._evidence.tenant, standing.name, number)
            await self._evidence.write_signed(blob, Purpose.EVIDENCE, self._signer, entry)

    def _check(self, word: ErasureWord, standing: Standing, number: int) -> None:
        if word.expires_at <= self._clock.now():
            raise Refused("the entry has expired before it was recorded", hint="sign it again")
        if word.action is ErasureAction.LIFT and not standing.barred:
            raise Refused("the object is not on the erasure list")
        if number > _LAST:
            raise Refused("the object has more entries than the list can hold")
