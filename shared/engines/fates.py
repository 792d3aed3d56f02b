"""What becomes of each object that is missing live: from the bin, made anew, or left out with a reason.

Bin before making anew, because only the bin keeps ids. A live object that holds the same unique key under
another id is a conflict, never a target. Two parts of one thing (an application and its service principal) come
back the same way or not at all. What depends on something left out is left out, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import MatchKey, ObjectType, StaysBehind, ValueReference
from shared.domain.erasure import NOBODY, Erased
from shared.domain.errors import Fault, Unusable
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import ConflictKind, Reason, Word
from shared.engines.bins import Bins
from shared.engines.compare import Form, holds_markers
from shared.engines.conditions import any_holds, holds, protection
from shared.engines.natures import verdict
from shared.engines.references import GUID, Found, find, top_member, values_at
from shared.engines.survey import Holder, KeyValue, Missing, TypeSurvey, key_values, unique_keys

ON_LIST: Final = "it is on the erasure list, and no override was asked for"


class Way(StrEnum):
    """Where an object is, or how it gets there."""

    LIVE = "live"
    BIN = "bin"
    CREATE = "create"
    OUT = "out"  # stays out; the fate says why
    UNKNOWN = "unknown"  # not found, but the live listing is not complete
    GONE = "gone"

    @property
    def comes(self) -> bool:
        return self in (Way.BIN, Way.CREATE)

    @property
    def there(self) -> bool:
        """After the restore it is there, as far as anyone can tell."""
        return self in (Way.LIVE, Way.BIN, Way.CREATE, Way.UNKNOWN)


@dataclass(slots=True, eq=False)
class Clash:
    """A conflict while it is being collected."""

    key: ObjectKey
    name: str
    live: str
    property: str
    why: str
    ask_audit: bool
    affects: list[str] = field(default_factory=list)
    kind: ConflictKind = ConflictKind.NAME_HELD
    holder: Holder | None = None  # of a name or a value
    match: MatchKey | None = None  # the key that is held
    values: frozenset[KeyValue] = frozenset()  # what of it that holder holds
    was: Way | None = None  # how the object would come back without this
    partner: ObjectKey | None = None  # the other part of a pair
    live_name: str = ""
    live_created_at: str = ""
    closed: dict[Word, str] = field(default_factory=dict)  # what may not be said of it, and why


@dataclass(slots=True)
class Fate:
    """`told`: the reason is listed for this object (not for those out of scope that nothing needs)."""

    way: Way
    missing: Missing
    reason: Reason | None = None
    why: str = ""
    binned: JsonObject | None = None
    bin_left: str = ""  # why a bin copy is not used
    clash: Clash | None = None
    start: str = ""  # when it begins to be, "" for at once
    end: str = ""  # when it ends by itself, "" for never
    twin: str = ""  # a live object that says the same under another id
    freed: set[KeyValue] = field(default_factory=set)  # unique values that their live holders give up
    frees: set[ObjectKey] = field(default_factory=set)  # those holders
    without: JsonObject = field(default_factory=dict)  # parameters of the bin: what it comes back without
    lacking: dict[str, str] = field(default_factory=dict)  # member that is not as it was, by choice → why


@dataclass(slots=True)
class Fates:
    """All missing objects. `live_ids` and `live_values` hold what was looked up of the rest."""

    catalog: Catalog
    surveys: dict[str, TypeSurvey]
    bins: Bins
    holders: dict[KeyValue, Holder]
    now: datetime  # the plan's moment
    erased: Erased = NOBODY  # on the erasure list, and not to come back
    stays: Mapping[ObjectKey, StaysBehind] = field(default_factory=dict)  # what another tenant can't have
    by_key: dict[ObjectKey, Fate] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)
    renewed: dict[str, str] = field(default_factory=dict)  # old id or server-made value → type
    asked: dict[str, set[str]] = field(default_factory=dict)  # ids looked up live
    live_ids: dict[str, set[str]] = field(default_factory=dict)  # those of them that were found
    live_values: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _by_value: dict[tuple[str, str, str], list[ObjectKey]] = field(default_factory=dict)
    _referenced: frozenset[tuple[str, str]] = frozenset()

    # --- first: each object by itself

    def decide(self) -> None:
        self._referenced = frozenset(
            (name, reference.key)
            for spec in self.catalog.types
            for reference in spec.references
            if reference.key != "id"
            for name in reference.to
        )
        for survey in self.surveys.values():
            for missing in survey.missing.values():
                self.by_key[missing.key] = self._first(survey.spec, missing)
        for fate in self.by_key.values():
            self._note_values(fate)

    def _first(self, spec: ObjectType, missing: Missing) -> Fate:
        if not missing.in_scope:
            return Fate(Way.OUT, missing, Reason.OUT_OF_SCOPE, "it is missing, but out of the scope asked for")
        if missing.key.id in self.erased or (missing.parent and missing.parent in self.erased):
            return _out(missing, Reason.ERASED, ON_LIST)
        if (stays := self.stays.get(missing.key)) is not None:
            return _out(missing, stays.reason, stays.why)
        if holds_markers(missing.item):
            return _out(missing, Reason.NEEDS_ACTION, "it holds names beginning with $, which no plan can carry")
        fate = self._from_bin_or_new(spec, missing)
        if fate.way.comes:
            self._check_keys(spec, fate)
        return fate

    def _from_bin_or_new(self, spec: ObjectType, missing: Missing) -> Fate:
        bin_left = ""
        if spec.bin is not None:
            if spec.name not in self.bins:
                raise Unusable("the recycle bin was not read, so nothing can be decided", object_type=spec.name)
            binned = self.bins[spec.name].get(missing.key.id)
            if binned is not None:
                if spec.bin.refused_when is None or not holds(spec.bin.refused_when, binned):
                    return Fate(Way.BIN, missing, binned=binned)
                bin_left = spec.bin.refused_why
        if spec.made_by_service:
            return _out(missing, Reason.COMPUTED, f"the service makes it from {spec.made_by_service}")
        if spec.only_read:
            return _out(missing, Reason.NEEDS_ACTION, f"it is evidence only: {spec.only_read}")
        if spec.create is None:
            return _out(missing, Reason.NEEDS_ACTION, "objects of this type can't be created by Graph")
        closed = spec.create.refused_in and missing.parent.startswith(spec.create.refused_in)
        if closed or any_holds(spec.create.refused_when, missing.item):
            return _out(missing, Reason.NEEDS_ACTION, spec.create.refused_why)
        protected = protection(spec, missing.item, live=False)
        if protected is not None and not protected.made_of:
            return _out(missing, protected.reason, f"it can't be written: {protected.when.path}")
        start = end = ""
        told = self.surveys[spec.name].told
        if spec.nature is not None and told is not None:
            found = verdict(spec.nature, told, missing.key.id, self.now)
            if found.reason is not None:
                return _out(missing, found.reason, found.why)
            start, end = found.start, found.end
        return Fate(Way.CREATE, missing, bin_left=bin_left, start=start, end=end)

    def _check_keys(self, spec: ObjectType, fate: Fate) -> None:
        missing = fate.missing
        for key in unique_keys(spec):
            if fate.way is Way.CREATE and not key.written:
                continue  # the service gives it one that is free
            values = key_values(spec, key, missing.item, missing.parent)
            for value in values:
                holder = self.holders.get(value)
                if holder is None or holder.id == missing.key.id or value in fate.freed:
                    continue
                if spec.by_content and holder.content == self._content(spec, missing.item):
                    fate.way, fate.twin = Way.OUT, holder.id
                    fate.reason = Reason.NEW_ID
                    fate.why = f"the same is there under the id {holder.id}"
                    return
                names = " + ".join(key.properties)
                why = f"the live object {holder.id} holds its {names}; nothing is done to either"
                clash = Clash(missing.key, missing.entry.name, holder.id, names, why, ask_audit=True)
                clash.holder, clash.match, clash.was = holder, key, fate.way
                clash.values = frozenset(one for one in values if self.holders.get(one) == holder)
                self._clash(fate, clash)
                return

    @staticmethod
    def _content(spec: ObjectType, item: JsonObject) -> bytes:
        return Form(spec).content(item, spec.content)

    def _clash(self, fate: Fate, clash: Clash) -> None:
        fate.way, fate.reason, fate.why, fate.clash = Way.OUT, Reason.CONFLICT, clash.why, clash
        self.clashes.append(clash)

    # --- an operator's word on a conflict

    def leave(self, clash: Clash, why: str) -> None:
        """The conflict is decided, and what it is about stays out."""
        for key in (clash.key, clash.partner):
            fate = self.by_key.get(key) if key is not None else None
            if fate is not None and fate.clash is clash:
                fate.reason, fate.why, fate.clash = Reason.CHOSEN, why, None
        self.clashes.remove(clash)

    def go_on(self, clash: Clash) -> Fate:
        """The conflict is decided, and the object comes back as it would have without it; another key may be held,
        too, which is a conflict of its own."""
        assert clash.was is not None
        fate = self.by_key[clash.key]
        fate.way, fate.reason, fate.why, fate.clash = clash.was, None, "", None
        self.clashes.remove(clash)
        self._check_keys(self.catalog.get(clash.key.type), fate)
        return fate

    def _note_values(self, fate: Fate) -> None:
        """Values of missing objects by which others refer to them."""
        for name, member in self._referenced:
            value = fate.missing.item.get(member) if name == fate.missing.key.type else None
            if isinstance(value, str):
                self._by_value.setdefault((name, member, value), []).append(fate.missing.key)

    def to_look_up(self) -> Iterator[tuple[str, str]]:
        """Type and id of everything that the objects coming back refer to by id, or sit in."""
        for fate in self.by_key.values():
            if not fate.way.comes:
                continue
            spec = self.catalog.get(fate.missing.key.type)
            if spec.parent:
                yield spec.parent, fate.missing.parent
            yield from self.named_by(spec, fate.missing.item)

    def named_by(self, spec: ObjectType, item: JsonObject) -> Iterator[tuple[str, str]]:
        """Type and id of everything that an object may refer to by id."""
        for found in find(spec.references, item):
            if found.reference.key == "id":
                for name in found.reference.to:
                    yield name, found.value

    # --- then: pairs, parents, and what can't be without something that stays out

    def settle(self) -> None:
        """Until nothing changes: an object that loses what it needs may take others along."""
        changed = True
        while changed:
            changed = False
            for fate in self.by_key.values():
                if fate.way.comes and self._loses(fate):
                    changed = True
        for fate in self.by_key.values():
            spec = self.catalog.get(fate.missing.key.type)
            if fate.way is Way.CREATE and not spec.chooses_id and not self.may_be_kept(fate):
                self._renew(fate)

    def _renew(self, fate: Fate) -> None:
        key = fate.missing.key
        self.renewed[key.id] = key.type
        for member in self.catalog.get(key.type).keys_besides_id:
            value = fate.missing.item.get(member)
            if isinstance(value, str):
                self.renewed[value] = key.type

    def pair(self) -> None:
        """Parts of one thing that would come back in different ways are a conflict."""
        for fate in list(self.by_key.values()):
            for found in self._pair_references(fate):
                for partner in self._partners(found):
                    if {fate.way, partner.way} == {Way.BIN, Way.CREATE}:
                        self._clash_pair(fate, partner, found.member)

    def _pair_references(self, fate: Fate) -> Iterator[Found]:
        spec = self.catalog.get(fate.missing.key.type)
        pairs = [reference for reference in spec.references if reference.pair]
        return find(pairs, fate.missing.item)

    def _partners(self, found: Found) -> list[Fate]:
        return [self.by_key[key] for key in self._holders(found.reference, found.value)]

    def _clash_pair(self, fate: Fate, partner: Fate, member: str) -> None:
        binned, other = (fate, partner) if fate.way is Way.BIN else (partner, fate)
        why = (
            f"the recycle bin holds {binned.missing.key}, but {other.missing.key} was purged: one would come back "
            "with its ids and the other with new ones, and they would no longer fit; nothing is done to either"
        )
        clash = Clash(
            fate.missing.key, fate.missing.entry.name, partner.missing.key.id, member, why, ask_audit=False
        )
        clash.affects.append(f"{partner.missing.key} stays out")
        clash.kind, clash.partner = ConflictKind.PAIR_SPLIT, partner.missing.key
        self._clash(fate, clash)
        partner.way, partner.reason, partner.why, partner.clash = Way.OUT, Reason.CONFLICT, why, clash

    def _loses(self, fate: Fate) -> bool:
        """Takes an object out that can't be without something that stays out."""
        spec = self.catalog.get(fate.missing.key.type)
        if spec.parent:
            way = self.way(spec.parent, fate.missing.parent)
            if not way.there:
                self._follow(
                    fate, self.fate(spec.parent, fate.missing.parent), f"{spec.parent}/{fate.missing.parent}"
                )
                return True
        for found in find(spec.references, fate.missing.item):
            reference = found.reference
            if not self.dead(reference, found.value):
                continue
            if reference.pair or (fate.way is Way.CREATE and found.member in spec.create_only):
                self._follow(fate, self._dead_fate(reference, found.value), f"{reference.to[0]} {found.value}")
                return True
        if fate.way is Way.CREATE and (blocked := self.blocked(spec, fate.missing.item)):
            member, (fate.reason, why) = next(iter(blocked.items()))
            fate.way, fate.why = Way.OUT, f"{member}: {why}"
            return True
        return False

    def _follow(self, fate: Fate, other: Fate | None, what: str) -> None:
        fate.way = Way.OUT
        if other is None or other.reason is None or other.reason is Reason.NEW_ID:
            fate.reason, fate.why = Reason.DEAD_REFERENCE, f"{what}, which it needs, is gone"
            return
        fate.reason = other.reason
        fate.why = f"{what}, which it needs, stays out: {other.why}"
        if other.clash is not None:
            other.clash.affects.append(f"{fate.missing.key} stays out")
            fate.clash = other.clash

    def note_live(self, type_name: str, object_id: str) -> None:
        """An object is there because what it holds is."""
        self.asked.setdefault(type_name, set()).add(object_id)
        self.live_ids.setdefault(type_name, set()).add(object_id)

    # --- questions

    def fate(self, type_name: str, object_id: str) -> Fate | None:
        return self.by_key.get(ObjectKey(type_name, object_id))

    def way(self, type_name: str, object_id: str) -> Way:
        fate = self.fate(type_name, object_id)
        if fate is not None:
            return fate.way
        if object_id in self.live_ids.get(type_name, ()):
            return Way.LIVE
        if object_id not in self.asked.get(type_name, ()):
            raise Fault("an object was not looked up before it was decided on", object_type=type_name)
        return Way.GONE if self.surveys[type_name].live.is_complete else Way.UNKNOWN

    def new_value(self, reference: ValueReference, value: str) -> Json:
        """What stands in a reference after the restore: the value itself, or a marker for what replaces it."""
        return {"$id": value} if self.renewed.get(value) in reference.to else value

    def dead(self, reference: ValueReference, value: str) -> bool:
        """Whether nothing will be there that the reference could mean. Values that never stood for an object of
        this tenant (Microsoft's own appIds, words the catalog doesn't know) are not dead."""
        if reference.key == "id":
            ways = [self.way(name, value) for name in reference.to]
            if any(way.there for way in ways):
                return False
            return Way.OUT in ways or GUID.fullmatch(value) is not None
        holders = self._holders(reference, value)
        if not holders or any(self.by_key[key].way.comes for key in holders):
            return False
        return not any(value in self.live_values.get((name, reference.key), ()) for name in reference.to)

    def blocked(self, spec: ObjectType, item: JsonObject) -> dict[str, tuple[Reason, str]]:
        """Members that may not be written, because losing what is dead in them would widen whom the object acts
        on, or leave nobody: member → reason and why. Never is another word put in its place."""
        found: dict[str, tuple[Reason, str]] = {}
        for reference in spec.references:
            if not (reference.include or reference.exclude):
                continue
            dead = [one.value for one in find((reference,), item) if self.dead(reference, one.value)]
            if not dead:
                continue
            member = top_member(reference)
            reasons = {self.dead_reason(reference, value) for value in dead}
            told = self.why_dead(reference, dead[0])
            if Reason.OUT_OF_SCOPE in reasons:
                found[member] = Reason.OUT_OF_SCOPE, f"{told}; ask for it, too, or for everything"
            elif reference.exclude:
                found[member] = Reason.DEAD_REFERENCE, f"{reference.path} names what it must not act on: {told}"
            elif len(dead) == len(values_at(reference, item)):
                found[member] = Reason.DEAD_REFERENCE, f"{reference.path} would be left empty: {told}"
        return found

    def why_dead(self, reference: ValueReference, value: str) -> str:
        fate = self._dead_fate(reference, value)
        if fate is None:
            return f"{reference.to[0]} {value} is gone"
        return f"{fate.missing.key} stays out: {fate.why}"

    def dead_reason(self, reference: ValueReference, value: str) -> Reason:
        fate = self._dead_fate(reference, value)
        if fate is not None and fate.reason is Reason.OUT_OF_SCOPE:
            return Reason.OUT_OF_SCOPE
        return Reason.DEAD_REFERENCE

    def note_affected(self, reference: ValueReference, value: str, what: str) -> None:
        fate = self._dead_fate(reference, value)
        if fate is not None and fate.clash is not None:
            fate.clash.affects.append(what)

    def lost(self, reference: ValueReference, value: str) -> bool:
        """Whether a dead reference died since the snapshot, rather than having been dead in it."""
        return self._dead_fate(reference, value) is not None

    def coming(self, reference: ValueReference, value: str) -> Iterator[ObjectKey]:
        """Missing objects that the reference may mean and that this plan brings back."""
        for key in self._holders(reference, value):
            if self.by_key[key].way.comes:
                yield key

    def may_be_kept(self, fate: Fate) -> bool:
        """Whether an object that hangs on others may come back, id and all, with one that the bin gives back."""
        key = fate.missing.key
        spec = self.catalog.get(key.type)
        if not spec.by_content:
            return False
        ways = {self.way(spec.parent, fate.missing.parent)} if spec.parent else set()
        for found in find(spec.references, fate.missing.item):
            if found.reference.key == "id":
                ways |= {self.way(name, found.value) for name in found.reference.to} - {Way.GONE, Way.UNKNOWN}
        return Way.BIN in ways and Way.CREATE not in ways

    def unsure_values(self) -> dict[tuple[str, str], set[str]]:
        """Values of objects that stay out which a live object might hold as well: (type, member) → values."""
        found: dict[tuple[str, str], set[str]] = {}
        for spec in self.catalog.types:
            for reference in spec.references:
                if reference.key == "id":
                    continue
                for name in reference.to:
                    for holder_type in reference.to:
                        values = self._left_out(name, reference.key)
                        if values:
                            found.setdefault((holder_type, reference.key), set()).update(values)
        return found

    def _left_out(self, type_name: str, member: str) -> set[str]:
        return {
            value
            for (name, property_name, value), keys in self._by_value.items()
            if name == type_name and property_name == member and not any(self.by_key[key].way.comes for key in keys)
        }

    def _holders(self, reference: ValueReference, value: str) -> list[ObjectKey]:
        if reference.key == "id":
            keys = [ObjectKey(name, value) for name in reference.to]
            return [key for key in keys if key in self.by_key]
        return [key for name in reference.to for key in self._by_value.get((name, reference.key, value), ())]

    def _dead_fate(self, reference: ValueReference, value: str) -> Fate | None:
        for key in self._holders(reference, value):
            if self.by_key[key].way is Way.OUT:
                return self.by_key[key]
        return None


def _out(missing: Missing, reason: Reason, why: str) -> Fate:
    return Fate(Way.OUT, missing, reason, why)
