"""What becomes of conflicts by the operator's words, and what may be said of those that stay open.

Unsaid: nothing is done with either object. A word that is open for a conflict decides it; one that isn't leaves the
conflict open, and the plan says why. What a live object has to give up so that another gets its own back is an
operation of its own, with the live value as its precondition: it is reviewed, and undone, like any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from shared.catalog.spec import MatchKey, ObjectType
from shared.domain.errors import Unusable
from shared.domain.objects import JsonObject, ObjectKey
from shared.domain.plan import Choice, Chosen, Conflict, ConflictKind, Mechanism, Reason, Word
from shared.domain.snapshot import IndexEntry
from shared.engines.choices import Choices, by_name_only, given_up, why_not_adopted
from shared.engines.conditions import protection
from shared.engines.drafts import Phase, written_members
from shared.engines.fates import ON_LIST, Clash, Fates, Way
from shared.engines.opening import each, read_objects
from shared.engines.plan_objects import Contested, Planning
from shared.engines.survey import KeyValue, key_values
from shared.engines.view import View

# By type, ids of live objects → who knows each of them as what it is: Holdfast, or a snapshot; absent: nobody.
Vouched = Callable[[Mapping[str, Iterable[str]]], Awaitable[dict[str, str]]]

_HELD = "a live object holds it: have that renamed, or leave it"
_NO_SUCCESSOR = "nothing is missing that it could be the successor of"
_PAIR = "its two parts would no longer fit"


async def nobody(asked: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Vouches for nothing."""
    return {}


@dataclass(slots=True)
class Freed:
    """A member of which a live object gives values up. `whose`: the objects that get them."""

    spec: ObjectType
    entry: IndexEntry
    item: JsonObject
    match: MatchKey
    values: set[str] = field(default_factory=set)
    whose: list[ObjectKey] = field(default_factory=list)

    @property
    def member(self) -> str:
        return self.match.properties[0]


class Deciding:
    """Hears the words. `never`: ids of what must keep its name and place, read where there is a conflict. `new`: an
    id as the plan calls it, from how a request may."""

    def __init__(
        self,
        fates: Fates,
        live: View,
        choices: Choices,
        *,
        never: Callable[[], Awaitable[frozenset[str]]],
        vouched: Vouched,
        new: Callable[[str], str],
    ) -> None:
        self._fates = fates
        self._live = live
        self._choices = choices
        self._read_never = never
        self._never: frozenset[str] = frozenset()
        self._vouched = vouched
        self._new = new
        self.chosen: list[Chosen] = []
        self.adopted: dict[str, str] = {}  # missing → live, by the words that were heard
        self.freed: dict[tuple[str, str, str], Freed] = {}
        self.spoken: dict[ObjectKey, str] = {}  # live objects that conflicts are about → why they are left alone

    # --- names

    async def names(self) -> None:
        """Words on live objects that hold the key of a missing one. Deciding one may show another."""
        heard: set[Clash] = set()
        while todo := [one for one in self._fates.clashes if one not in heard and one.holder is not None]:
            heard.update(todo)
            self._never = await self._read_never()
            held = await self._opened(todo)
            known = await self._vouched(_by_type(todo))
            for clash in sorted(todo, key=lambda one: (one.key, one.property)):
                assert clash.holder is not None
                item = held[ObjectKey(clash.holder.type, clash.holder.id)]
                self._describe(clash, item)
                clash.closed = self._closed_for_name(clash, item, known.get(clash.live, ""))
                self._name(clash, item)
        await self._pinned()

    def _name(self, clash: Clash, item: JsonObject) -> None:
        choice = self._choices.on(clash.key, clash.kind, self._new)
        if choice is None:
            return
        if why := self._refusal(clash, choice, item):
            self._note(clash, choice, why, done=False)
            return
        if choice.word is Word.SKIP:
            why = f"left as it is by choice: {clash.live} holds its {clash.property}"
            self._fates.leave(clash, why)
        elif choice.word is Word.ADOPT:
            why = f"{clash.live} is taken for what became of it, and is changed back to what it was"
            self.adopted[clash.key.id] = clash.live
        elif choice.word is Word.KEEP:
            why = self._without(clash)
        else:
            why = self._renamed(clash, item)
        self._note(clash, choice, why, done=True)

    def _without(self, clash: Clash) -> str:
        """The missing object comes back without what the live one holds."""
        assert clash.match is not None
        member, spec = clash.match.properties[0], self._fates.catalog.get(clash.key.type)
        fate = self._fates.by_key[clash.key]
        old = fate.missing.item[member]
        new = given_up(clash.match, old, _texts(clash.values), clash.key.id)
        fate.missing = replace(fate.missing, item={**fate.missing.item, member: new})
        if clash.was is Way.BIN:
            assert spec.bin is not None
            fate.without[spec.bin.without[member]] = True if isinstance(new, list) else new
        said = f"it comes back as {new}" if isinstance(new, str) else "it comes back without that"
        why = f"the live object {clash.live} keeps the {member}, by choice; {said}"
        fate.lacking[member] = why
        self._fates.go_on(clash)
        return why

    def _renamed(self, clash: Clash, item: JsonObject) -> str:
        """The live object gives up what it holds."""
        fate = self._fates.by_key[clash.key]
        fate.freed |= clash.values
        fate.frees.add(self._free(clash, item))
        self._fates.go_on(clash)
        return f"{clash.live} gives its {clash.property} up first"

    def _free(self, clash: Clash, item: JsonObject) -> ObjectKey:
        assert clash.holder is not None
        assert clash.match is not None
        holder, member = clash.holder, clash.match.properties[0]
        at = (holder.type, holder.id, member)
        spec = self._fates.catalog.get(holder.type)
        freed = self.freed.setdefault(at, Freed(spec, holder.entry, item, clash.match))
        freed.values |= _texts(clash.values)
        freed.whose.append(clash.key)
        return ObjectKey(holder.type, holder.id)

    # --- what is open

    def _closed_for_name(self, clash: Clash, item: JsonObject, vouched: str) -> dict[Word, str]:
        assert clash.holder is not None
        spec = self._fates.catalog.get(clash.key.type)
        closed = {
            Word.TAKE: _HELD,
            Word.KEEP: self._why_not_without(clash, spec),
            Word.RENAME: self._why_not_renamed(clash, item),
            Word.ADOPT: why_not_adopted(spec, clash.holder.type, clash.holder.known, vouched)
            or (_must_stay(clash.live) if clash.live in self._never else "")
            or (ON_LIST if clash.live in self._fates.erased else ""),
        }
        return {word: why for word, why in closed.items() if why}

    def _why_not_without(self, clash: Clash, spec: ObjectType) -> str:
        assert clash.match is not None
        (member, *more) = clash.match.properties
        if clash.was is Way.BIN:
            assert spec.bin is not None
            known = not more and member in spec.bin.without
            return "" if known else "the recycle bin gives it back as it was, or not at all"
        written = member in spec.restorable or member in spec.create_only
        return "" if not more and clash.match.yields and written else f"it can't be without its {clash.property}"

    def _why_not_renamed(self, clash: Clash, item: JsonObject) -> str:
        assert clash.holder is not None
        assert clash.match is not None
        holder, spec = clash.holder, self._fates.catalog.get(clash.holder.type)
        (member, *more) = clash.match.properties
        if more or clash.match.yields is None or member not in spec.restorable or spec.put:
            return f"no request takes the {clash.property} from a live object"
        if holder.id in self._never:
            return _must_stay(holder.id)
        if holder.id in self._fates.erased:
            return ON_LIST
        if holder.known:
            return f"it is in the snapshot, under another {member}: bring that back first, with --id {holder.id}"
        if protected := protection(spec, item, live=True):
            return f"it can't be written ({protected.when.path})"
        value = given_up(clash.match, item.get(member), _texts(clash.values), holder.id)
        for one in key_values(spec, clash.match, {**item, member: value}, holder.entry.parent):
            other = self._fates.holders.get(one)
            if other is not None and other.id != holder.id:
                return f"the name that it would get is held by {other.id}"
        return ""

    def _refusal(self, clash: Clash, choice: Choice, item: JsonObject) -> str:
        """Why a word can't be heard; "" where it can."""
        if choice.live and choice.live != clash.live:
            return f"{clash.live} stands in its way now, and not {choice.live}"
        if choice.word in clash.closed:
            return clash.closed[choice.word]
        if choice.word is Word.ADOPT:
            spec = self._fates.catalog.get(clash.key.type)
            old = self._fates.by_key[clash.key].missing.item
            if not choice.live and by_name_only(spec, old, item):
                return f"name both, because it is more than a name: --adopt {clash.key.id}={clash.live}"
            if clash.live in self.adopted.values():
                return f"{clash.live} was taken for another object's successor"
        return ""

    # --- adoptions without a conflict

    async def _pinned(self) -> None:
        """A live object may be what became of a missing one though they share no unique key. Raises `Unusable` for
        a pair that is none: the one missing, the other live and not in the snapshot, both of one type."""
        left = {self._new(one.id): one for one in self._choices.pinned if one not in self._choices.used}
        found: dict[str, tuple[ObjectType, IndexEntry]] = {}
        for key, fate in self._fates.by_key.items():
            choice = left.get(key.id)
            survey = self._fates.surveys[key.type]
            if choice is not None and choice.type in ("", key.type) and fate.missing.in_scope:
                added = next((one for one in survey.added if one.id == choice.live), None)
                if added is not None:
                    found[key.id] = survey.spec, added
        if unknown := sorted(left.keys() - found.keys()):
            pairs = ", ".join(f"{one}={left[one].live}" for one in unknown)
            raise Unusable(
                f"not a missing and an added object of one type: {pairs}", hint="see the plan's conflicts"
            )
        if not found:
            return
        self._never = await self._read_never()
        known = await self._vouched(_lives(found))
        for old, (spec, entry) in sorted(found.items()):
            why = why_not_adopted(spec, spec.name, known=False, vouched=known.get(entry.id, ""))
            why = why or (_must_stay(entry.id) if entry.id in self._never else "")
            why = why or (ON_LIST if entry.id in self._fates.erased else "")
            self._choices.used.add(left[old])
            if not why:
                self.adopted[old] = entry.id
            missing = self._fates.by_key[ObjectKey(spec.name, old)].missing
            told = why or f"{entry.id} is taken for what became of it, and is changed back to what it was"
            self.chosen.append(
                Chosen(
                    Word.ADOPT,
                    spec.name,
                    old,
                    missing.entry.name,
                    entry.id,
                    "",
                    not why,
                    told,
                    live_name=entry.name,
                )
            )

    # --- pairs

    def pairs(self) -> None:
        """Words on parts of one thing that would come back in different ways."""
        for clash in [one for one in self._fates.clashes if one.kind is ConflictKind.PAIR_SPLIT]:
            clash.closed = dict.fromkeys((Word.KEEP, Word.TAKE, Word.ADOPT, Word.RENAME), _PAIR)
            choice = self._choices.on(clash.key, clash.kind, self._new)
            if choice is None and clash.partner is not None:
                choice = self._choices.on(clash.partner, clash.kind, self._new)
            if choice is None:
                continue
            if choice.word in clash.closed:
                self._note(clash, choice, clash.closed[choice.word], done=False)
                continue
            why = f"left as it is by choice: {clash.why}"
            self._fates.leave(clash, why)
            self._note(clash, choice, why, done=True)

    # --- values of objects that are there

    async def values(self, planning: Planning) -> None:
        """Words on unique values of live objects that other live objects hold."""
        if not planning.contested:
            return
        self._never = await self._read_never()
        held = await self._opened([one.clash for one in planning.contested])
        for one in planning.contested:
            clash = one.clash
            assert clash.holder is not None
            item = held[ObjectKey(clash.holder.type, clash.holder.id)]
            self._describe(clash, item)
            renamed = self._why_not_renamed(clash, item) or self._why_not_written(one)
            closed = {Word.TAKE: _HELD, Word.ADOPT: _NO_SUCCESSOR, Word.RENAME: renamed}
            clash.closed = {word: why for word, why in closed.items() if why}
            choice = self._choices.on(clash.key, clash.kind, self._new)
            if choice is None:
                continue
            if why := self._refusal(clash, choice, item):
                self._note(clash, choice, why, done=False)
                continue
            self._fates.clashes.remove(clash)
            if choice.word is Word.RENAME:
                why = f"{clash.live} gives its {clash.property} up first"
                _write(planning, one, self._free(clash, item))
            else:
                why = f"left as it is by choice: {clash.live} holds the {one.member} that it had"
                planning.exclude(one.spec, one.entry.id, one.entry.name, Reason.CHOSEN, why, one.member)
            self._note(clash, choice, why, done=True)

    def _why_not_written(self, one: Contested) -> str:
        assert one.clash.match is not None
        others = {
            holder.id
            for value in key_values(one.spec, one.clash.match, one.old, one.entry.parent)
            if (holder := self._fates.holders.get(value)) is not None and holder.id != one.entry.id
        }
        if len(others) > 1:
            return "more than one live object holds what it had"
        return "a change of it writes all of it" if one.spec.put else ""

    # --- values that changed while an earlier restore waited

    def changed(self, clash: Clash) -> str | None:
        """What is said of a conflict about such values: None where they are to be written, else why they aren't."""
        clash.closed = {Word.ADOPT: _NO_SUCCESSOR, Word.RENAME: "nothing else holds it"}
        choice = self._choices.on(clash.key, clash.kind, self._new)
        if choice is not None and choice.word not in clash.closed:
            take = choice.word is Word.TAKE
            why = "written by choice" if take else f"left as it is by choice: {clash.why}"
            self._note(clash, choice, why, done=True)
            return None if take else why
        if choice is not None:
            self._note(clash, choice, clash.closed[choice.word], done=False)
        self._fates.clashes.append(clash)
        return ""

    # --- shared

    async def _opened(self, clashes: Iterable[Clash]) -> dict[ObjectKey, JsonObject]:
        """The live objects of conflicts."""
        entries: dict[str, dict[str, IndexEntry]] = {}
        for clash in clashes:
            assert clash.holder is not None
            entries.setdefault(clash.holder.type, {})[clash.holder.id] = clash.holder.entry
        found = {}
        for name, held in sorted(entries.items()):
            ordered = each(held[one] for one in sorted(held))
            async for entry, item in read_objects(self._live, name, ordered):
                found[ObjectKey(name, entry.id)] = item
        return found

    def _describe(self, clash: Clash, item: JsonObject) -> None:
        assert clash.holder is not None
        created = item.get("createdDateTime")
        # A plan is kept for longer than many snapshots: it must not keep the name of who is to be erased.
        clash.live_name = "" if clash.live in self._fates.erased else clash.holder.entry.name
        clash.live_created_at = created if isinstance(created, str) else ""
        key = ObjectKey(clash.holder.type, clash.holder.id)
        self.spoken[key] = f"it holds the {clash.property} of {clash.key}, and is left alone"

    def _note(self, clash: Clash, choice: Choice, why: str, *, done: bool) -> None:
        self.chosen.append(
            Chosen(
                choice.word,
                clash.key.type,
                clash.key.id,
                clash.name,
                clash.live if clash.holder is not None else "",
                clash.kind.value,
                done,
                why,
                choice.of,
                clash.live_name,
                clash.live_created_at,
            )
        )


def draft_renames(planning: Planning, deciding: Deciding) -> None:
    """Operations by which live objects give values up, as far as what gets them comes back after all."""
    for (name, object_id, member), freed in sorted(deciding.freed.items()):
        getting = [key for key in freed.whose if not _stays_out(planning, key)]
        if not getting:
            continue
        value = given_up(freed.match, freed.item.get(member), frozenset(freed.values), object_id)
        told = f"gets {member} {value}" if isinstance(value, str) else f"gives {', '.join(sorted(freed.values))} up"
        whose = ", ".join(str(key) for key in sorted(getting))
        draft = planning.drafter.patch(
            Mechanism.RENAME,
            freed.spec,
            ObjectKey(name, object_id),
            freed.entry.name,
            f"It holds what {whose} had. By the operator's choice it {told}, and stays what it is otherwise.",
            parent=freed.entry.parent,
            written=written_members(planning.forms[name], {member: value}, freed.item),
            tag="",
            phase=Phase.SHELL,
            group=member,
        )
        draft.settles = True
        planning.drafts.append(draft)
    deciding.chosen = [
        replace(one, done=False, why=why)
        if one.done
        and one.word in (Word.KEEP, Word.RENAME)
        and (why := _stays_out(planning, ObjectKey(one.type, one.target)))
        else one
        for one in deciding.chosen
    ]


def _stays_out(planning: Planning, key: ObjectKey) -> str:
    """Why a missing object doesn't come back in spite of a word; "" where it does, or isn't missing."""
    fate = planning.fates.by_key.get(key)
    if fate is None or planning.comes(fate):
        return ""
    return f"it stays out all the same: {fate.why or 'no recycle bin gives it back'}"


def _write(planning: Planning, one: Contested, holder: ObjectKey) -> None:
    """The PATCH of the one member, after its holder gave it up."""
    draft = planning.drafter.patch(
        Mechanism.PATCH,
        one.spec,
        ObjectKey(one.spec.name, one.entry.id),
        one.entry.name,
        f"Its {one.member} differs from the snapshot, and {holder} gives it up.",
        parent=one.entry.parent,
        written=written_members(planning.forms[one.spec.name], {one.member: one.old[one.member]}, one.live),
        tag=one.tag,
        phase=Phase.PATCH,
        group=one.member,
    )
    draft.needs = {holder}
    planning.drafts.append(draft)


async def conflicts_of(fates: Fates, created_by: Callable[[str], Awaitable[str]]) -> tuple[Conflict, ...]:
    """Those that stay open, with what may be said of them."""
    conflicts = []
    for clash in sorted(fates.clashes, key=lambda clash: (clash.key, clash.property, clash.live)):
        conflicts.append(
            Conflict(
                type=clash.key.type,
                target=clash.key.id,
                name=clash.name,
                live=clash.live,
                key=clash.property,
                why=clash.why,
                created_by=await created_by(clash.live) if clash.ask_audit else "",
                affects=tuple(sorted(set(clash.affects))),
                kind=clash.kind,
                live_type=clash.holder.type if clash.holder is not None else "",
                live_name=clash.live_name,
                live_created_at=clash.live_created_at,
                words=tuple(word for word in Word if word not in clash.closed),
                closed={word.value: why for word, why in sorted(clash.closed.items())},
            )
        )
    return tuple(conflicts)


async def with_makers(chosen: Iterable[Chosen], created_by: Callable[[str], Awaitable[str]]) -> tuple[Chosen, ...]:
    """Who approves a word must see whom it is about, as who asks for it did."""
    return tuple(
        [replace(one, created_by=await created_by(one.live)) if one.done and one.live else one for one in chosen]
    )


def _must_stay(object_id: str) -> str:
    return f"{object_id} is a break-glass account, or what this program signs in by"


def _texts(values: Iterable[KeyValue]) -> frozenset[str]:
    return frozenset(str(one) for value in values for one in value[3])


def _by_type(clashes: Iterable[Clash]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for clash in clashes:
        assert clash.holder is not None
        found.setdefault(clash.holder.type, set()).add(clash.holder.id)
    return found


def _lives(found: Mapping[str, tuple[ObjectType, IndexEntry]]) -> dict[str, set[str]]:
    lives: dict[str, set[str]] = {}
    for spec, entry in found.values():
        lives.setdefault(spec.name, set()).add(entry.id)
    return lives
