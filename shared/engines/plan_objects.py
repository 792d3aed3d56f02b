"""Drafts for objects: back from the bin, made anew, changed back, switched on; and what can't be, with reasons.

What acts on sign-ins is switched on, or changed while it is on, by guarded drafts of the last phase only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, Part, Protected, ValueReference, WaveNumber
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import AnchorKind, ConflictKind, Exclusion, Leaving, Mechanism, Reason
from shared.domain.snapshot import Completeness, IndexEntry
from shared.engines.canonical import TYPE_TAG, is_annotation
from shared.engines.circles import circular_members
from shared.engines.compare import Form, holds_markers
from shared.engines.conditions import holds, member_at, protection
from shared.engines.diff import keys_of
from shared.engines.drafts import Draft, Drafter, Phase, Written, marked_name, written_members
from shared.engines.fates import ON_LIST, Clash, Fate, Fates, Way
from shared.engines.member_groups import unread, without
from shared.engines.merge import left_off
from shared.engines.natures import read_moment
from shared.engines.references import DROP, Absent, find, of_members, rewrite
from shared.engines.survey import Missing, Reach, TypeSurvey, key_values, pairs, unique_keys
from shared.engines.view import View


def judged(spec: ObjectType) -> bool:
    """Whether losing a reference changes whom the objects of the type act on."""
    return any(reference.include or reference.exclude for reference in spec.references)


@dataclass(frozen=True, slots=True)
class Contested:
    """A unique value of a live object that another holds. `old`: the object as in the snapshot, with new ids."""

    clash: Clash
    spec: ObjectType
    entry: IndexEntry
    member: str
    old: JsonObject
    live: JsonObject

    @property
    def tag(self) -> str:
        return _tag(self.live)


@dataclass(frozen=True, slots=True)
class _Acting:
    """Whether an object acts on sign-ins, by the snapshot (`will`) and live (`does`)."""

    will: bool
    does: bool


class Planning:
    """Collects drafts and exclusions."""

    def __init__(self, catalog: Catalog, fates: Fates, drafter: Drafter, reach: Reach) -> None:
        self.catalog = catalog
        self.fates = fates
        self.drafter = drafter
        self.reach = reach
        self.drafts: list[Draft] = []
        self.exclusions: list[Exclusion] = []
        self.leaving: list[Leaving] = []
        self.contested: list[Contested] = []
        self.seen: dict[ObjectKey, JsonObject] = {}  # what an earlier plan saw, and its restore found changed
        self.hear: Callable[[Clash], str | None] = lambda clash: ""  # the operator's word on such a conflict
        self.spoken: dict[ObjectKey, str] = {}  # live objects that conflicts are about → why they are left alone
        self.forms = {spec.name: Form(spec) for spec in catalog.types}
        self._moved = circular_members(catalog, fates)
        self._paired = frozenset(  # types that are the first part of a pair
            name for spec in catalog.types for one in spec.references if one.pair for name in one.to
        )
        self._pair_keys: dict[tuple[str, str, str], ObjectKey] = {}  # type, member, value → live object changed
        self._pair_waits: list[tuple[Draft, ValueReference, str]] = []
        self._governing = {spec.governed.by: spec.governed.member for spec in catalog.types if spec.governed}
        self._governors: dict[tuple[str, Json], ObjectKey] = {}  # type and member's value → object that is written
        self._governed: list[tuple[Draft, str, Json]] = []

    def exclude(
        self,
        spec: ObjectType,
        target: str,
        name: str,
        reason: Reason,
        why: str,
        member: str = "",
        other: str = "",
    ) -> None:
        # A plan is kept for longer than many snapshots: it must not keep the name of who is to be erased.
        shown = "" if target in self.fates.erased else name
        self.exclusions.append(Exclusion(spec.name, target, shown, member, reason, why, other))

    def finish(self) -> None:
        """What could be told only once everything was drafted: second parts of pairs wait for changed firsts, and
        what is governed for what decides whether it can be made."""
        for draft, by, value in self._governed:
            governor = self._governors.get((by, value))
            if governor is not None:
                draft.needs_whole.add(governor)
        self._await_in_turn()
        for draft, reference, value in self._pair_waits:
            for name in reference.to:
                key = self._pair_keys.get((name, reference.key, value))
                if key is not None:
                    draft.needs_whole.add(key)

    def _await_in_turn(self) -> None:
        """What the service makes once something else is there is waited for after that; never, where none comes."""
        coming: dict[tuple[str, str, Json], list[ObjectKey]] = {}
        for fate in self.fates.by_key.values():
            if fate.way.comes:
                for name, value in fate.missing.item.items():
                    if isinstance(value, str):
                        coming.setdefault((fate.missing.key.type, name, value), []).append(fate.missing.key)
        stranded: set[ObjectKey] = set()
        for draft in self.drafts:
            create = draft.spec.create
            if draft.operation.mechanism is not Mechanism.CREATE or create is None or create.follows is None:
                continue
            follows, own = create.follows, self.fates.by_key[draft.key].missing.item.get(create.follows.own)
            first = [key for name in follows.types for key in coming.get((name, follows.member, own), ())]
            draft.needs_whole.update(first)
            if not first:
                stranded.add(draft.key)
                why = "the service makes it with the first request for what it is about, and none comes back"
                self.exclude(draft.spec, draft.key.id, draft.operation.name, Reason.COMPUTED, why)
        self.drafts = [draft for draft in self.drafts if draft.key not in stranded]

    # --- what was not read

    def incomplete(self, spec: ObjectType, member: str, snapshot: Completeness, live: Completeness) -> None:
        if left_off((snapshot, live), evidence_only=bool(spec.only_read) and not member):
            return
        what = "links" if member else "objects"
        if not live.is_complete:
            why = f"live: {live}; which {what} were lost can't be told, so none are brought back"
            self.exclude(spec, "", spec.title, Reason.NOT_COMPLETE, why, member)
        if not snapshot.is_complete:
            why = f"snapshot: {snapshot}; it may hold fewer {what} than there were"
            self.exclude(spec, "", spec.title, Reason.NOT_COMPLETE, why, member)

    # --- missing objects

    def comes(self, fate: Fate) -> bool:
        """Whether this plan brings it back: a rescue only what a recycle bin gives."""
        return fate.way is Way.BIN if self.reach.rescue else fate.way.comes

    def missing(self, survey: TypeSurvey) -> None:
        asked = self.reach.type(survey.spec)
        if asked and self.reach.whole(survey.spec):
            self.incomplete(survey.spec, "", survey.snapshot, survey.live)
        for object_id in sorted(survey.missing):
            missing = survey.missing[object_id]
            fate = self.fates.by_key[missing.key]
            if fate.way is Way.BIN:
                self._from_bin(survey.spec, fate)
            elif self.reach.rescue and fate.way.comes:
                why = "no recycle bin gives it back, and only those were to be emptied"
                self.exclude(survey.spec, object_id, missing.entry.name, Reason.OUT_OF_SCOPE, why)
            elif fate.way is Way.CREATE:
                self._anew(survey.spec, fate)
            elif missing.in_scope and not (fate.clash is not None and fate.clash.key == missing.key):
                assert fate.reason is not None
                self.exclude(survey.spec, object_id, missing.entry.name, fate.reason, fate.why)
            elif asked and self.reach.named(missing.entry):
                why = "it is missing, and only members of it were asked for"
                self.exclude(survey.spec, object_id, missing.entry.name, Reason.OUT_OF_SCOPE, why)
            if self.comes(fate):
                for member, why in sorted(fate.lacking.items()):
                    self.exclude(survey.spec, object_id, missing.entry.name, Reason.CHOSEN, why, member)

    def _from_bin(self, spec: ObjectType, fate: Fate) -> None:
        missing = fate.missing
        assert fate.binned is not None
        assert spec.bin is not None
        why = "Deleted since the snapshot. The recycle bin still holds it: it comes back with its id and links."
        draft = self.drafter.bin(spec, missing.key, missing.entry.name, why, fate.without)
        draft.needs |= fate.frees
        self._wait_for_pair(draft, spec, missing.item)
        if spec.enabling is not None:
            draft.needs |= self._named(spec, missing.item)
        self.drafts.append(draft)
        self._note_leaving(spec, fate)
        if self.reach.rescue:
            draft.wave = WaveNumber.RESCUE
            return
        if protection(spec, missing.item, live=False) or protection(spec, fate.binned, live=True):
            return
        binned = {name: value for name, value in fate.binned.items() if name not in spec.bin.misreported}
        reset = {name: _scalar(value) for name, value in spec.bin.comes_back.items() if name in missing.item}
        binned.update(reset)
        # The bin may show fewer members than there are: of those it doesn't show nothing is known.
        wanted = {
            name: value
            for name, value in missing.item.items()
            if name in binned or self._refers_to_new(spec, name, missing.item)
        }
        self._change(spec, missing.entry, wanted, binned, settles=bool(reset), from_bin=True)

    def _note_leaving(self, spec: ObjectType, fate: Fate) -> None:
        assert spec.bin is not None
        assert fate.binned is not None
        told = fate.binned.get("deletedDateTime")
        deleted = read_moment(told) if isinstance(told, str) else None
        if deleted is not None:
            key, name = fate.missing.key, fate.missing.entry.name
            self.leaving.append(Leaving(key.type, key.id, name, deleted + timedelta(days=spec.bin.days)))

    def _anew(self, spec: ObjectType, fate: Fate) -> None:
        missing = fate.missing
        key, item, name = missing.key, missing.item, missing.entry.name
        assert spec.anchor is not None
        rewritten = self._rewritten(spec, item)
        first, members, later = self._stages(spec, key, rewritten)
        bare = protection(spec, item, live=False)
        if bare is not None:
            first, members, later = {}, {name: members[name] for name in bare.made_of if name in members}, {}
        acts = False
        if spec.enabling is not None and spec.enabling.property in members:
            state, off = members[spec.enabling.property], spec.enabling.off
            members[spec.enabling.property] = off
            acts = state in spec.enabling.acting
            if not acts and state != off:
                later[spec.enabling.property], first[spec.enabling.property] = state, off
        kept = self.fates.may_be_kept(fate)
        create = self.drafter.create(
            spec,
            key,
            name,
            _why_anew(spec, fate, kept=kept),
            parent=missing.parent,
            item=rewritten,
            members=members,
            tag=_tag(item),
            ids=_ids(spec, item, key.id),
            kept=kept or spec.chooses_id,
            start=fate.start,
            end=fate.end,
        )
        create.needs = self._named(spec, item, members) | fate.frees
        for found in find((one for one in spec.references if one.copies_name), item):
            create.needs_whole |= set(self.fates.coming(found.reference, found.value))
        if spec.parent:
            create.needs.add(ObjectKey(spec.parent, missing.parent))
        self._wait_for_pair(create, spec, item)
        self.drafts.append(create)
        if spec.governed is not None and create.operation.by_request:
            self._governed.append((create, spec.governed.by, item.get(spec.governed.member)))
        self._write_parts(spec, missing.entry, item, rewritten, None)
        if spec.anchor.kind is AnchorKind.MARKER:
            anchor = spec.anchor.property
            first[anchor] = marked_name(members.get(anchor), create.operation.id)
            later[anchor] = members.get(anchor)
        if later:
            self._finish(spec, fate, later, first, members)
        if acts and spec.enabling is not None:
            self._enable(spec, missing.entry, item, spec.enabling.off, rewritten)
        self._flag_dropped(spec, missing.entry, item)
        if bare is not None:
            self._bare(spec, fate, bare)
            return
        self._tell_undeclared(spec, missing.entry, self._undeclared(spec, item))
        self._lacking(spec, fate)

    def _stages(
        self, spec: ObjectType, key: ObjectKey, item: JsonObject
    ) -> tuple[JsonObject, JsonObject, JsonObject]:
        """What stands first in members that get their value later, what the creation sets, what is set later."""
        assert spec.create is not None
        form = self.forms[spec.name]
        first: JsonObject = {}
        members: JsonObject = {}
        later: JsonObject = {}
        apart = {part.member for part in spec.parts}
        for member in sorted({*spec.writable, *spec.create_only, *self._alive(spec, item)} - apart):
            value = form.written(member, item.get(member))
            if value is None:
                continue
            if (key, member) in self._moved:
                later[member] = value
                continue
            if member in spec.create.held and value != spec.create.held[member]:
                later[member] = value
                value = first[member] = _scalar(spec.create.held[member])
            members[member] = value
        for member in spec.set_after:
            value = form.written(member, item.get(member))
            if not form.empty(member, value):
                later[member] = value
        return first, members, later

    def _alive(self, spec: ObjectType, item: JsonObject) -> frozenset[str]:
        """Members that only the tenant knows, as far as what declares them is there or comes back."""
        found = spec.found_in(item)
        return found - self._undeclared(spec, item).keys() if found else found

    def _undeclared(self, spec: ObjectType, item: JsonObject) -> dict[str, tuple[Reason, str]]:
        """Members that have a value and whose declaration stays out: member → reason and why."""
        return {
            one.member: (
                self.fates.dead_reason(one.reference, one.value),
                self.fates.why_dead(one.reference, one.value),
            )
            for one in find((one for one in spec.references if one.names), item)
            if self.fates.dead(one.reference, one.value)
        }

    def _tell_undeclared(
        self, spec: ObjectType, entry: IndexEntry, undeclared: dict[str, tuple[Reason, str]]
    ) -> None:
        for member, (reason, why) in sorted(undeclared.items()):
            self.exclude(spec, entry.id, entry.name, reason, f"not written: {why}", member)

    def _finish(
        self, spec: ObjectType, fate: Fate, later: JsonObject, first: JsonObject, created: JsonObject
    ) -> None:
        missing = fate.missing
        # A PUT resets what it leaves out, so that it says again what the creation set.
        again = {name: value for name, value in created.items() if name in spec.named_in_put}
        assert spec.anchor is not None
        self._write_apart(Mechanism.FINISH, spec, missing.entry, later, {})
        for (_, group), members in _by_request(spec, later):
            parts = []
            marked = spec.anchor.kind is AnchorKind.MARKER and spec.anchor.property in members
            if marked:
                parts.append(f"Takes the marker off {spec.anchor.property}.")
            if others := [name for name in sorted(members) if not (marked and name == spec.anchor.property)]:
                parts.append(f"Sets {', '.join(others)}, which had to wait until the object exists.")
            before = {**again, **{name: first[name] for name in members if name in first}}
            said = {**again, **members}
            draft = self.drafter.patch(
                Mechanism.FINISH,
                spec,
                missing.key,
                missing.entry.name,
                " ".join(parts),
                parent=missing.parent,
                written=Written(said, before, said),
                tag=_tag(missing.item),
                # The second part of a pair takes values over from the first, so that must be finished before.
                phase=Phase.SHELL if spec.name in self._paired else Phase.FINISH,
                group=group,
            )
            draft.needs = self._named(spec, missing.item, said)
            self._wait_for_pair(draft, spec, missing.item)
            self.drafts.append(draft)

    def _bare(self, spec: ObjectType, fate: Fate, bare: Protected) -> None:
        """What stands in an object of which only the key is ours to give."""
        form, item, entry = self.forms[spec.name], fate.missing.item, fate.missing.entry
        held = {*spec.restorable_in(item), *spec.create_only, *spec.secret} - {*bare.made_of}
        if told := sorted(name for name in held if not form.empty(name, item.get(name))):
            self.exclude(
                spec, entry.id, entry.name, bare.reason, "they are as its owner sets them", ", ".join(told)
            )

    def _lacking(self, spec: ObjectType, fate: Fate) -> None:
        """What an object made anew will lack."""
        form = self.forms[spec.name]
        item, name, object_id = fate.missing.item, fate.missing.entry.name, fate.missing.key.id
        for member in spec.secret:
            if not form.empty(member, item.get(member)):
                number = len(keys_of(item[member])) or 1
                why = f"{number} of them; they can't be read back: make new ones and hand them to the owner"
                self.exclude(spec, object_id, name, Reason.SECRET, why, member)
        assert spec.create is not None
        for member in spec.action_only:
            if member not in spec.create.fixed and not form.empty(member, item.get(member)):
                self.exclude(spec, object_id, name, Reason.NEEDS_ACTION, "has to be set by hand", member)
        declared = {
            *spec.restorable_in(item),
            *spec.create_only,
            *spec.secret,
            *spec.action_only,
            *spec.volatile,
            spec.identity,
        }
        computed = [
            member
            for member in sorted(item.keys() - declared - {*spec.keys_besides_id})
            if not is_annotation(member) and not form.empty(member, item[member])
        ]
        # What hangs on others has nothing of the kind that anybody would miss, and may have come back with them.
        if computed and not spec.by_content:
            why = "the service sets them anew for an object that is created again"
            self.exclude(spec, object_id, name, Reason.COMPUTED, why, ", ".join(computed))

    # --- objects that are in both

    async def patches(self, snapshot: View, live: View, spec: ObjectType) -> None:
        fixed = of_members(spec, () if spec.by_content else spec.create_only)
        restorable = (*of_members(spec, spec.restorable), *fixed, *(one for one in spec.references if one.names))
        left_out = unread(spec, snapshot, live)
        for group, why in sorted(left_out.items()):
            if self.reach.type(spec):
                told = f"{why}; what of them differs can't be told, so none of them is changed"
                self.exclude(spec, "", spec.title, Reason.NOT_COMPLETE, told, group)
        known = without(spec, left_out)
        concerned = set(self.fates.renewed.values())
        concerned |= {key.type for key, fate in self.fates.by_key.items() if fate.way is Way.OUT}
        naming = (*restorable, *_set_once(spec))
        unchanged = any(concerned & set(reference.to) for reference in naming)
        async for entry, whole, new in pairs(snapshot, live, spec.name, unchanged=unchanged):
            old = known(whole)
            if self.reach.object(spec, entry.id, entry.parent):
                self._in_both(spec, entry, old, new)
            elif protection(spec, new, live=True) is None:
                # Out of scope, but where it names an object that gets a new id, that alone is put right, or told.
                self._tell_stale(spec, entry, new, new)
                if any(self._refers_to_new(spec, member, new) for member in spec.restorable_in(new)):
                    self._change(spec, entry, new, new, settles=False, from_bin=False)

    def _in_both(self, spec: ObjectType, entry: IndexEntry, old: JsonObject, new: JsonObject) -> None:
        everything = Form(spec, everything=True)
        differing = [
            member
            for member in sorted(old)
            if not is_annotation(member)
            and member not in spec.volatile
            and not everything.same(member, old[member], new.get(member))
        ]
        if entry.id in self.fates.erased or (entry.parent and entry.parent in self.fates.erased):
            if differing:
                why = f"{', '.join(differing)} differ: {ON_LIST}"
                self.exclude(spec, entry.id, entry.name, Reason.ERASED, why)
            return
        if protected := protection(spec, new, live=True) or protection(spec, old, live=False):
            if differing:
                why = f"{', '.join(differing)} differ, but it can't be written ({protected.when.path})"
                self.exclude(spec, entry.id, entry.name, protected.reason, why)
            return
        asked = self.reach.of(spec, old)
        if self._once_more(spec, entry, asked):
            return
        self._explain(spec, entry, [name for name in differing if name in asked], asked, new)
        self._tell_lost(spec, entry, asked, new)
        self._tell_stale(spec, entry, asked, new)
        self._change(spec, entry, asked, new, settles=False, from_bin=False)

    def _once_more(self, spec: ObjectType, entry: IndexEntry, old: JsonObject) -> bool:
        """Makes an object that is nothing but what it says a second time, with the new id of what it names: the one
        that is there can't be told it, and stays, naming what is gone."""
        if not (spec.by_content and spec.create is not None and self._stale(spec, old)):
            return False
        if spec.create.refused_in and entry.parent.startswith(spec.create.refused_in):
            return False
        self.fates.renewed[entry.id] = spec.name
        self.fates.note_live(spec.parent, entry.parent)
        missing = Missing(ObjectKey(spec.name, entry.id), entry, old, in_scope=True)
        self._anew(spec, Fate(Way.CREATE, missing))
        why = "it names what gets a new id, and can't be changed: another one is made, and this one stays"
        self.exclude(spec, entry.id, entry.name, Reason.WRITE_ONCE, why)
        return True

    def _stale(self, spec: ObjectType, old: JsonObject) -> set[str]:
        """Members that name what gets a new id, and can be set at creation only."""
        return {
            found.member
            for found in find(_set_once(spec), old)
            if self.fates.new_value(found.reference, found.value) != found.value
        }

    def _tell_stale(self, spec: ObjectType, entry: IndexEntry, old: JsonObject, new: JsonObject) -> None:
        """What the object names gets a new id, which it can't be told any more."""
        for member in sorted(self._stale(spec, old)):
            if self.forms[spec.name].same(member, old[member], new.get(member)):
                why = "it names what gets a new id, and can be set only when the object is created"
                self.exclude(spec, entry.id, entry.name, Reason.WRITE_ONCE, why, member)

    def _explain(
        self, spec: ObjectType, entry: IndexEntry, differing: list[str], old: JsonObject, new: JsonObject
    ) -> None:
        """Differences that no PATCH can mend."""
        for member in differing:
            if member in spec.restorable_in(old):
                if self.forms[spec.name].same(member, old[member], new.get(member)):
                    why = "it differs only in what the service fills in or what is another object's"
                    self.exclude(spec, entry.id, entry.name, Reason.COMPUTED, why, member)
                continue
            reason, why = _unmendable(spec, member, old[member], new.get(member))
            self.exclude(spec, entry.id, entry.name, reason, why, member)

    def _tell_lost(self, spec: ObjectType, entry: IndexEntry, old: JsonObject, new: JsonObject) -> None:
        """What the object named, and still names, that stays out."""
        if not judged(spec):
            return
        for found in find(spec.references, old):
            reference, value = found.reference, found.value
            if not self.fates.dead(reference, value) or not self.fates.lost(reference, value):
                continue
            self.fates.note_affected(reference, value, f"{spec.name}/{entry.id} {reference.path} names it")
            if self.forms[spec.name].same(found.member, old[found.member], new.get(found.member)):
                why = f"still names {value}: {self.fates.why_dead(reference, value)}"
                self.exclude(
                    spec, entry.id, entry.name, self.fates.dead_reason(reference, value), why, found.member
                )

    def _change(
        self,
        spec: ObjectType,
        entry: IndexEntry,
        old: JsonObject,
        new: JsonObject,
        *,
        settles: bool,
        from_bin: bool,
    ) -> None:
        """PATCH and ENABLE that turn `new` (live, or what the bin will give back) into `old`."""
        form = self.forms[spec.name]
        undeclared = self._undeclared(spec, old)
        self._tell_undeclared(spec, entry, undeclared)
        names = [name for name in sorted(spec.restorable_in(old)) if name in old and name not in undeclared]
        touched = {name for name in names if not form.same(name, old[name], new.get(name))}
        renewed = {name for name in names if name not in touched and self._refers_to_new(spec, name, old)}
        touched |= renewed
        self._note_pair(spec, entry, new)
        if not touched:
            return
        if not from_bin:
            self._changed_since(spec, entry, new, touched, touched - renewed)
        acting = _acting(spec, old, new)
        if self._stopped(spec, entry, old, touched) and acting.will:
            return  # it would act, and not on those it acted on
        self._drop_impossible(spec, entry, old, new, touched)
        enabling = spec.enabling
        switched_on = enabling is not None and acting.will and not acting.does and enabling.property in touched
        if switched_on and enabling is not None:
            touched.discard(enabling.property)
        named = {name: value for name, value in old.items() if name in touched}
        rewritten = self._rewritten(spec, named)
        # What is left once dead ids are dropped may be just what is live.
        wanted = {name: value for name, value in rewritten.items() if not form.same(name, value, new.get(name))}
        self._flag_dropped(spec, entry, {name: named[name] for name in wanted})
        if wanted and (said := spec.named_in_put or (spec.whole_names if _making_anew(spec, wanted) else ())):
            wanted = {name: new[name] for name in said if name in new} | wanted
        if any(part.member in wanted for part in spec.parts):
            self._write_parts(spec, entry, old, {**old, **wanted}, new)
            wanted = {
                name: value for name, value in wanted.items() if all(name != one.member for one in spec.parts)
            }
        self._write_apart(Mechanism.PATCH, spec, entry, wanted, new)
        guarded = acting.will and acting.does
        for (action, group), members in _by_request(spec, wanted):
            draft = self.drafter.patch(
                Mechanism.PATCH,
                spec,
                ObjectKey(spec.name, entry.id),
                entry.name,
                _why_patch(sorted(members), renewed, from_bin=from_bin, guarded=guarded),
                parent=entry.parent,
                written=written_members(form, members, new),
                tag=_tag(new),
                phase=self._patch_phase(spec, guarded=guarded, settles=settles, from_bin=from_bin),
                guarded=guarded,
                action=action,
                group=group,
            )
            draft.settles = settles
            # A policy may be checked as a whole, whatever member is written.
            draft.needs = self._named(spec, old if judged(spec) else named)
            self._wait_for_pair(draft, spec, {**new, **old})
            if guarded:
                draft.policy = {**new, **wanted, "id": entry.id}
                draft.needs_all = self._all_named(spec, {**new, **old})
            self.drafts.append(draft)
        if switched_on and enabling is not None:
            self._enable(spec, entry, old, new.get(enabling.property), {**new, **wanted})

    def _write_apart(
        self, mechanism: Mechanism, spec: ObjectType, entry: IndexEntry, wanted: JsonObject, live: JsonObject
    ) -> None:
        """Takes members that have a path of their own out of `wanted`, each into a write of its own."""
        for one in spec.apart:
            if one.member in wanted:
                value, seen = wanted.pop(one.member), live.get(one.member)
                self.drafts.append(self.drafter.apart(mechanism, spec, one, entry, value, seen))

    def _write_parts(
        self, spec: ObjectType, entry: IndexEntry, old: JsonObject, wanted: JsonObject, live: JsonObject | None
    ) -> None:
        """Each item that differs, by a write of its own. `wanted`: `old` with its ids rewritten; `live` None: of an
        object that is made anew, whose items nobody has seen yet."""
        key, form = ObjectKey(spec.name, entry.id), self.forms[spec.name]
        if spec.parts and spec.name in self._governing:
            self._governors[(spec.name, old.get(self._governing[spec.name]))] = key
        for part in spec.parts:
            held = _items(part, live) if live is not None else {}
            named = _items(part, old)
            for which, item in sorted(_items(part, wanted).items()):
                if live is not None and which not in held:
                    why = f"{which} is not there any more, and can't be made"
                    self.exclude(spec, entry.id, entry.name, Reason.NEEDS_ACTION, why, part.member)
                    continue
                before = held.get(which)
                if before is not None and not form.differing(before, _values(item)):
                    continue
                mechanism = Mechanism.FINISH if live is None else Mechanism.PATCH
                draft = self.drafter.part(mechanism, spec, part, key, entry.name, wanted, item, before)
                draft.needs = self._named(spec, _alone(part, named[which]))
                self.drafts.append(draft)

    def _patch_phase(self, spec: ObjectType, *, guarded: bool, settles: bool, from_bin: bool) -> Phase:
        if guarded:
            return Phase.ENABLE
        return Phase.SHELL if settles or (from_bin and spec.name in self._paired) else Phase.PATCH

    def _stopped(self, spec: ObjectType, entry: IndexEntry, old: JsonObject, touched: set[str]) -> bool:
        """Takes members out that may not be written because of what is dead in them. Switching on counts as
        writing a member whose references died since the snapshot: it no longer acts on those it acted on."""
        if not judged(spec):
            return False
        switching = spec.enabling is not None and spec.enabling.property in touched
        stopped = {
            member: told
            for member, told in self.fates.blocked(spec, old).items()
            if member in touched or (switching and self._lost_in(spec, member, old))
        }
        for member, (reason, why) in sorted(stopped.items()):
            self.exclude(spec, entry.id, entry.name, reason, f"not written: {why}", member)
        touched.difference_update(stopped)
        return bool(stopped)

    def _lost_in(self, spec: ObjectType, member: str, old: JsonObject) -> bool:
        return any(
            self.fates.dead(found.reference, found.value) and self.fates.lost(found.reference, found.value)
            for found in find(of_members(spec, (member,)), old)
        )

    def _drop_impossible(
        self, spec: ObjectType, entry: IndexEntry, old: JsonObject, new: JsonObject, touched: set[str]
    ) -> None:
        for name in sorted(touched):
            fixed = [one for one in spec.only_at_creation if one.member == name]
            if any(holds(one, side) for one in fixed for side in (old, new)):
                touched.discard(name)
                told = old[name] if isinstance(old[name], str) else "otherwise"
                why = f"it was {told}, and such a value can be set only when the object is created"
                self.exclude(spec, entry.id, entry.name, Reason.WRITE_ONCE, why, name)
            elif holds_markers(old[name]):
                touched.discard(name)
                why = "it holds names beginning with $, which no plan can carry"
                self.exclude(spec, entry.id, entry.name, Reason.NEEDS_ACTION, why, name)
            elif self._taken(spec, entry, name, old, new):
                touched.discard(name)

    def _changed_since(
        self, spec: ObjectType, entry: IndexEntry, new: JsonObject, touched: set[str], differing: set[str]
    ) -> None:
        """Takes members out of which an earlier restore found another value than its plan saw, and that are not as
        that plan saw them now: somebody may mean what is there. What acts on sign-ins is left whole."""
        key, form = ObjectKey(spec.name, entry.id), self.forms[spec.name]
        seen = self.seen.get(key, {})
        changed = {name for name in differing & seen.keys() if not form.same(name, new.get(name), seen[name])}
        if not changed:
            return
        held = changed if spec.enabling is None else set(touched)
        told = ", ".join(sorted(changed))
        why = f"{told} changed after an earlier plan saw it, and is not as in the snapshot either"
        clash = Clash(key, entry.name, entry.id, ", ".join(sorted(held)), why, ask_audit=False)
        clash.kind = ConflictKind.CHANGED_SINCE
        left = self.hear(clash)
        if left is None:
            return
        touched -= held
        clash.affects.append(f"{key} {' '.join(sorted(held))} stays as it is")
        if left:
            self.exclude(spec, entry.id, entry.name, Reason.CHOSEN, left, clash.property)

    def _taken(self, spec: ObjectType, entry: IndexEntry, member: str, old: JsonObject, new: JsonObject) -> bool:
        """Whether another live object holds the unique value that a PATCH would write: a conflict, then."""
        for key in unique_keys(spec):
            if key.properties != (member,):
                continue
            values = key_values(spec, key, old, entry.parent)
            for value in values:
                holder = self.fates.holders.get(value)
                if holder is not None and holder.id != entry.id:
                    why = f"the live object {holder.id} holds the {member} that it had; neither is written"
                    target = ObjectKey(spec.name, entry.id)
                    clash = Clash(target, entry.name, holder.id, member, why, ask_audit=True)
                    clash.affects.append(f"{target} {member} stays as it is")
                    clash.kind, clash.holder, clash.match = ConflictKind.VALUE_HELD, holder, key
                    clash.values = frozenset(one for one in values if self.fates.holders.get(one) == holder)
                    self.fates.clashes.append(clash)
                    rewritten = self._rewritten(spec, {**old})
                    self.contested.append(Contested(clash, spec, entry, member, rewritten, new))
                    return True
        return False

    def _enable(
        self, spec: ObjectType, entry: IndexEntry, old: JsonObject, before: Json, policy: JsonObject
    ) -> None:
        """`old`: as in the snapshot; `policy`: as it will be, ids rewritten."""
        assert spec.enabling is not None
        state = spec.enabling.property
        key = ObjectKey(spec.name, entry.id)
        acting: JsonObject = {state: old[state]}
        tried = spec.enabling.trial
        draft = self.drafter.patch(
            Mechanism.ENABLE,
            spec,
            key,
            entry.name,
            f"Its {state} was {old[state]}. Switched on last, after all it names is back.",
            parent=entry.parent,
            written=Written(acting, {state: tried or before}, acting),
            tag=_tag(old),
            phase=Phase.ENABLE,
            guarded=True,
        )
        draft.policy = {**policy, **acting, "id": entry.id}
        draft.needs_all = self._all_named(spec, old) | {key}
        if tried and before != tried:
            trial: JsonObject = {state: tried}
            first = self.drafter.patch(
                Mechanism.PATCH,
                spec,
                key,
                entry.name,
                f"Tried before its {state} is {old[state]}: then it does nothing, and can be asked about.",
                parent=entry.parent,
                written=Written(trial, {state: before}, trial),
                tag=_tag(old),
                phase=Phase.ENABLE,
                group=tried,
            )
            first.needs_all = set(draft.needs_all)
            first.leads_to = draft.operation.id
            self.drafts.append(first)
        self.drafts.append(draft)

    # --- references

    def _resolve(self, reference: ValueReference, value: str) -> Json | Absent:
        new = self.fates.new_value(reference, value)
        if new == value and reference.include and self.fates.dead(reference, value):
            return DROP
        return new

    def _rewritten(self, spec: ObjectType, item: JsonObject) -> JsonObject:
        return rewrite(spec.references, item, self._resolve) if spec.references else item

    def _refers_to_new(self, spec: ObjectType, member: str, item: JsonObject) -> bool:
        return bool(self.fates.renewed) and any(
            self.fates.new_value(found.reference, found.value) != found.value
            for found in find(of_members(spec, (member,)), item)
        )

    def _named(self, spec: ObjectType, item: JsonObject, members: Iterable[str] | None = None) -> set[ObjectKey]:
        """Objects coming back that these members (all, if none are given) refer to."""
        references: Sequence[ValueReference] = spec.references
        if members is not None:
            references = of_members(spec, members)
        return {key for found in find(references, item) for key in self.fates.coming(found.reference, found.value)}

    def _all_named(self, spec: ObjectType, item: JsonObject) -> set[ObjectKey]:
        """Whatever the object refers to, live or coming back: all that happens to it comes first."""
        named = self._named(spec, item)
        for found in find(spec.references, item):
            if found.reference.key == "id":
                named |= {ObjectKey(name, found.value) for name in found.reference.to}
        return named

    def _wait_for_pair(self, draft: Draft, spec: ObjectType, item: JsonObject) -> None:
        for found in find((one for one in spec.references if one.pair), item):
            draft.needs_whole |= set(self.fates.coming(found.reference, found.value))
            self._pair_waits.append((draft, found.reference, found.value))

    def _note_pair(self, spec: ObjectType, entry: IndexEntry, live: JsonObject) -> None:
        if spec.name in self._paired:
            for member in spec.keys_besides_id:
                value = live.get(member)
                if isinstance(value, str):
                    self._pair_keys[(spec.name, member, value)] = ObjectKey(spec.name, entry.id)

    def _flag_dropped(self, spec: ObjectType, entry: IndexEntry, item: JsonObject) -> None:
        """Dead includes that are left out of what is written."""
        for found in find((one for one in spec.references if one.include), item):
            reference, value = found.reference, found.value
            if self.fates.dead(reference, value):
                self.fates.note_affected(reference, value, f"{spec.name}/{entry.id} {reference.path} loses it")
                why = f"written without {value}: {self.fates.why_dead(reference, value)}"
                self.exclude(
                    spec, entry.id, entry.name, self.fates.dead_reason(reference, value), why, found.member
                )

    def added(self, survey: TypeSurvey) -> list[IndexEntry]:
        """Objects added since: none where that can't be told, but for those that conflicts or twins name, which are
        told there, and for what no restore could write, which comes and goes by itself."""
        spec, reach = survey.spec, self.reach
        asked = reach.everything and reach.type(spec) and reach.whole(spec)
        if not (spec.mechanisms and asked and survey.snapshot.is_complete):
            return []
        told = {clash.live for clash in self.fates.clashes}
        told |= {fate.twin for fate in self.fates.by_key.values() if fate.twin}
        for entry in survey.added:
            why = self.spoken.get(ObjectKey(spec.name, entry.id))
            if why is not None:
                told.add(entry.id)
                if reach.prune:
                    self.exclude(spec, entry.id, entry.name, Reason.CONFLICT, why)
        return [entry for entry in survey.added if entry.id not in told]


def _items(part: Part, item: JsonObject) -> dict[str, JsonObject]:
    """The items of a list that are objects of their own, by id."""
    found = member_at(item, part.list)
    items = found if isinstance(found, list) else []
    return {str(one["id"]): one for one in items if isinstance(one, dict) and TYPE_TAG in one and "id" in one}


def _alone(part: Part, item: JsonObject) -> JsonObject:
    """An object that has nothing but one item of the list."""
    alone: Json = [item]
    for name in reversed(part.list.split(".")):
        alone = {name: alone}
    assert isinstance(alone, dict)
    return alone


def _values(item: JsonObject) -> JsonObject:
    return {name: value for name, value in item.items() if not is_annotation(name)}


def _by_request(spec: ObjectType, wanted: JsonObject) -> list[tuple[tuple[str, str], JsonObject]]:
    """What each request writes of these members: one PATCH, each action by its path, and each group of members for
    whose sake alone a PATCH might be refused."""
    paths = {action.member: action.path for action in spec.actions}
    groups = [group for group in spec.member_groups if group.needs_to_write]
    whole = _making_anew(spec, wanted)
    found: dict[tuple[str, str], JsonObject] = {}
    for name, value in wanted.items():
        group = next((one.name for one in groups if one.holds(name)), "")
        found.setdefault((paths.get(name, whole), group), {})[name] = value
    return sorted(found.items())


def _making_anew(spec: ObjectType, wanted: JsonObject) -> str:
    """The path of an action by which one of these members changes, and the whole object with it; "" for none."""
    return next((one.path for one in spec.actions if one.within and one.member in wanted), "")


def _acting(spec: ObjectType, old: JsonObject, new: JsonObject) -> _Acting:
    if spec.enabling is None:
        return _Acting(will=False, does=False)
    state = spec.enabling.property
    does = new.get(state) in spec.enabling.acting
    # Where the snapshot doesn't tell, it stays as it is.
    return _Acting(will=old[state] in spec.enabling.acting if state in old else does, does=does)


def _set_once(spec: ObjectType) -> tuple[ValueReference, ...]:
    """References that no write of an object that is there can change, as far as the object outlives what it names:
    what hangs on others by their ids goes with them, and so does the second part of a pair."""
    found = of_members(spec, spec.create_only)
    return tuple(one for one in found if not one.pair and (one.key != "id" or not spec.by_content))


def _unmendable(spec: ObjectType, member: str, old: Json, new: Json) -> tuple[Reason, str]:
    if member in spec.secret:
        gone, added = keys_of(old).keys() - keys_of(new).keys(), keys_of(new).keys() - keys_of(old).keys()
        parts = [f"{len(gone)} gone that can't be read back"] if gone else []
        parts += [f"{len(added)} added: {', '.join(sorted(added))}"] if added else []
        return Reason.SECRET, "; ".join(parts) or "it differs, and can't be read back"
    if member in spec.create_only:
        return Reason.WRITE_ONCE, "it differs, and can be set only when the object is created"
    if member in spec.action_only:
        return Reason.NEEDS_ACTION, "it differs, and has to be set by hand"
    return Reason.COMPUTED, "it differs, and the service sets it"


def _why_anew(spec: ObjectType, fate: Fate, *, kept: bool) -> str:
    if kept:
        return (
            "Missing since the snapshot. It may come back with what it belongs to; made anew only if it does not."
        )
    if fate.bin_left:
        return f"Deleted since the snapshot: made anew, the copy in the recycle bin is left: {fate.bin_left}."
    if spec.chooses_id:
        return "Deleted since the snapshot: made anew under its id."
    if spec.create is not None and spec.create.awaited:
        return "Gone with what it belongs to. The service makes another one with that, which is waited for."
    if spec.by_content:
        since = f" It begins at {fate.start}, as it would have." if fate.start else ""
        until = f" It ends at {fate.end}, as it would have." if fate.end else ""
        return f"Missing since the snapshot: made anew, with a new id.{since}{until}"
    return "Deleted since the snapshot and not in the recycle bin: made anew, with a new id."


def _why_patch(members: list[str], renewed: set[str], *, from_bin: bool, guarded: bool) -> str:
    differing = [member for member in members if member not in renewed]
    parts = []
    if differing:
        where = "As the bin gives it back, it differs" if from_bin else "It differs from the snapshot"
        parts.append(f"{where} in {', '.join(differing)}.")
    if naming := [member for member in members if member in renewed]:
        parts.append(f"{', '.join(naming)} names what gets a new id.")
    if guarded:
        parts.append("It is on and stays on, so the guard decides.")
    return " ".join(parts)


def _ids(spec: ObjectType, item: JsonObject, object_id: str) -> dict[str, str]:
    ids = {spec.identity: object_id}
    for member in spec.keys_besides_id:
        value = item.get(member)
        if isinstance(value, str):
            ids[member] = value
    return ids


def _tag(item: JsonObject) -> str:
    tag = item.get(TYPE_TAG)
    return tag if isinstance(tag, str) else ""


def _scalar(value: object) -> Json:
    assert value is None or isinstance(value, str | int | float | bool)
    return value
