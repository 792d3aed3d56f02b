"""Operations before they have their place in a plan, and how Graph requests are built from declarations.

Every path, body and anchor comes from the catalog; ids that the plan replaces become markers. Ids of operations
are derived from what they do, so that the same plan always has the same ones, and no other plan has them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final
from urllib.parse import quote

from shared.catalog.containment import Withdrawal
from shared.catalog.spec import Apart, LinkWrite, ObjectType, Part, Relationship
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import Anchor, AnchorKind, ExpectedId, Mechanism, Operation, Request
from shared.domain.snapshot import IndexEntry
from shared.engines.canonical import TYPE_TAG, is_annotation
from shared.engines.compare import Form
from shared.engines.conditions import member_at

BIND_LIMIT: Final = 20  # targets of one `@odata.bind`
# Lists that change item by item are of this version of the protocol.
_DELTAS: Final = {"OData-Version": "4.01"}
_MARKED_NAME: Final = 100  # characters of a name that a marker is put behind; FINISH sets the full one


class Phase(IntEnum):
    """Order within a wave."""

    SHELL = 0  # objects come to be, and what others need of them from the start
    PATCH = 1
    LINK = 2
    FINISH = 3
    ENABLE = 4  # whatever acts on sign-ins
    REMOVE = 5  # what was added goes


@dataclass(slots=True)
class Draft:
    """An operation and what its place depends on.

    `needs`: objects that must be there (and settled) first; `needs_whole`: objects of which all other
    operations but links come first; `needs_all`: memberships included. `lock`: no two drafts of one step share
    it. `membership`: links that decide whom something acts on. `seals`: objects that can't be written any more
    once this is done, so that whatever else happens to them comes first.
    """

    operation: Operation
    key: ObjectKey
    spec: ObjectType
    phase: Phase
    version: str
    lock: str
    brings: bool = False  # brings the object itself
    settles: bool = False  # what others refer to is not as it was before this
    membership: bool = False
    needs: set[ObjectKey] = field(default_factory=set)
    needs_whole: set[ObjectKey] = field(default_factory=set)
    needs_all: set[ObjectKey] = field(default_factory=set)
    seals: set[ObjectKey] = field(default_factory=set)
    policy: JsonObject | None = None  # for guarded drafts: the policy as it will be
    wave: int | None = None  # in place of its type's
    leads_to: str = ""  # id of the operation that this is for alone: without that one it isn't done

    @property
    def at_wave(self) -> int:
        return int(self.spec.wave if self.wave is None else self.wave)

    def ahead(self, operation: Operation, leaves: JsonObject, needs: Iterable[ObjectKey] = ()) -> Draft:
        """A second draft for the same object that comes before this one, which waits for it and then finds the
        members as `leaves` has them."""
        first = replace(
            self,
            operation=operation,
            phase=Phase.SHELL,
            settles=True,
            needs=set(needs),
            needs_whole=set(),
            needs_all=set(),
            seals=set(),
        )
        self.operation = replace(self.operation, before={**self.operation.before, **leaves})
        self.needs.add(self.key)
        return first


@dataclass(frozen=True, slots=True)
class Written:
    """Members that a request writes: body, what the plan saw, what must hold afterwards."""

    body: JsonObject
    before: JsonObject
    wanted: JsonObject


class Drafter:
    """Builds drafts. `renewed`: ids and other server-made values that this plan replaces."""

    def __init__(self, plan_id: str, renewed: Mapping[str, str]) -> None:
        self._plan_id = plan_id
        self._renewed = renewed

    # --- ids, paths

    def operation_id(self, mechanism: Mechanism, key: ObjectKey, detail: str = "") -> str:
        text = "\x00".join((self._plan_id, mechanism.value, key.type, key.id, detail))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def id(self, old: str) -> Json:
        return {"$id": old} if old in self._renewed else old

    def item_path(
        self, spec: ObjectType, old: str, parent: str = "", tail: Json = "", *, new: bool = False
    ) -> Json:
        """Path of one object. `new`: its id is known only once it was made."""
        if spec.singleton:
            return self._join(*self._filled(spec.list_path, parent), tail)
        return self._join(*self._filled(spec.list_path, parent), "/", self._segment(old, new=new), tail)

    def _segment(self, old: str, *, new: bool = False) -> Json:
        # The executor quotes ids that stand in markers.
        return {"$id": old} if new or old in self._renewed else quote(old, safe="")

    def _filled(self, template: str, parent: str) -> tuple[Json, ...]:
        before, hole, after = template.partition("{parent}")
        return (before, self._segment(parent), after) if hole else (before,)

    @staticmethod
    def _join(*parts: Json) -> Json:
        joined: list[Json] = []
        for part in parts:
            if part == "":
                continue
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            else:
                joined.append(part)
        if all(isinstance(part, str) for part in joined):
            return "".join(part for part in joined if isinstance(part, str))
        return {"$join": joined}

    def _select(self, spec: ObjectType, members: Iterable[str]) -> Json:
        """Types whose default answer is narrow need the members named."""
        names = spec.selectable({"id", *members})
        kept = [name for name in names if name not in self._renewed]
        new: list[Json] = []
        for name in names:
            new += [",", {"$id": name}] if name in self._renewed else []
        asked = self._join(f"$select={','.join(kept)}", *new) if names else ""
        inline = _inline(spec)
        return self._join("?", asked, "&" if asked and inline else "", inline) if asked or inline else ""

    def _names(self, spec: ObjectType, members: Iterable[str]) -> tuple[str, ...]:
        """Members that are called otherwise once this plan has run."""
        return tuple(sorted(name for name in spec.found_in(members) if name in self._renewed))

    # --- objects

    def bin(
        self, spec: ObjectType, key: ObjectKey, name: str, why: str, without: JsonObject | None = None
    ) -> Draft:
        """`without`: parameters by which it comes back without what another object holds now."""
        assert spec.bin is not None
        path = f"/{spec.bin.version}{spec.bin.restore}".replace("{id}", quote(key.id, safe=""))
        operation = Operation(
            id=self.operation_id(Mechanism.BIN, key),
            type=spec.name,
            target=key.id,
            name=name,
            mechanism=Mechanism.BIN,
            why=why,
            request=Request("POST", path, without or None, spec.throttle.value),
            read=self.item_path(spec, key.id, tail=self._select(spec, ())),
            before={},
            wanted={},
            ids={"id": key.id},
            read_list=_read_list(spec),
        )
        return Draft(operation, key, spec, Phase.SHELL, spec.bin.version, key.id, brings=True)

    def create(
        self,
        spec: ObjectType,
        key: ObjectKey,
        name: str,
        why: str,
        *,
        parent: str,
        item: JsonObject,
        members: JsonObject,
        tag: str,
        ids: dict[str, str],
        kept: bool,
        start: str = "",
        end: str = "",
    ) -> Draft:
        """`item`: the object, its ids rewritten. `members`: what the request sets. `kept`: it may have come back
        with something else, id and all. `start`: when it begins to be, "" for at once. `end`: when it ends by
        itself, "" for never."""
        assert spec.create is not None
        assert spec.anchor is not None
        operation_id = self.operation_id(Mechanism.CREATE, key)
        wanted = dict(members)
        if spec.anchor.kind is AnchorKind.MARKER:
            wanted[spec.anchor.property] = marked_name(wanted.get(spec.anchor.property), operation_id)
        path, fixed = spec.create.path, spec.create.fixed
        if end:
            assert spec.nature is not None
            path, fixed = spec.nature.timed.path, {**fixed, **spec.nature.timed.body}
        known: JsonObject = {"start": start, "end": end}
        if spec.create.shaped:
            body = _filled_in(fixed, {**item, **wanted, **known, "parent": self.id(parent)})
        else:
            body = {**wanted, **_filled_in(fixed, known)}
        body |= _type_tag(spec, tag)
        secret = ""
        if spec.create.password:
            body["passwordProfile"] = {
                "forceChangePasswordNextSignIn": True,
                "password": {"$password": key.id},
            }
            secret = f"initial-password-{re.sub(r'[^0-9A-Za-z-]', '-', key.id)}"
        anchor = self._anchor(spec, wanted, parent)
        if spec.create.awaited:
            request = Request("GET", anchor.lookup, None, spec.throttle.value)
        else:
            address = self._join(*self._filled(f"/{spec.version}{path}", parent))
            method = spec.create.method if not end else "POST"
            request = Request(method, address, body, spec.throttle.value)
        operation = Operation(
            id=operation_id,
            type=spec.name,
            target=key.id,
            name=name,
            mechanism=Mechanism.CREATE,
            why=why,
            request=request,
            read=self.item_path(spec, key.id, parent, self._select(spec, wanted), new=True),
            before={},
            wanted=wanted,
            expected_id=ExpectedId.KEPT if kept else ExpectedId.NEW,
            ids=ids,
            anchor=anchor,
            read_list=_read_list(spec),
            secret_for=secret,
            by_request=spec.create.by_request or spec.create.awaited or bool(end),
            names=self._names(spec, wanted),
        )
        return Draft(operation, key, spec, Phase.SHELL, spec.version, parent or key.id, brings=True)

    def _anchor(self, spec: ObjectType, wanted: JsonObject, parent: str) -> Anchor:
        declared = spec.anchor
        assert declared is not None
        value = member_at(wanted, declared.property)
        bin_version = spec.bin.version if spec.bin is not None else spec.version
        return Anchor(
            kind=declared.kind,
            property=declared.property,
            value=value,
            lookup=self._lookup(f"/{spec.version}{declared.lookup}", value, parent),
            bin_lookup=self._lookup(f"/{bin_version}{declared.bin_lookup}", value, parent)
            if declared.bin_lookup
            else None,
        )

    def _lookup(self, template: str, value: Json, parent: str) -> Json:
        parts: list[Json] = []
        for part in re.split(r"(\{value\}|\{parent\})", template):
            if part == "{parent}":
                parts.append(self._segment(parent))
            elif part == "{value}":
                quoted = quote(value.replace("'", "''"), safe="") if isinstance(value, str) else value
                parts.append(quoted)
            else:
                parts.append(part.replace(" ", "%20"))
        return self._join(*parts)

    def patch(
        self,
        mechanism: Mechanism,
        spec: ObjectType,
        key: ObjectKey,
        name: str,
        why: str,
        *,
        parent: str,
        written: Written,
        tag: str,
        phase: Phase,
        guarded: bool = False,
        action: str = "",
        group: str = "",
    ) -> Draft:
        """PATCH, FINISH, ENABLE or RENAME of an object. `action`: path of the action that is POSTed in its place.
        `group`: the group that all of the members are of, where its request is one of its own."""
        body = {f"{name}@delta" if name in spec.retired else name: value for name, value in written.body.items()}
        within = next((one.within for one in spec.actions if action and one.path == action), "")
        if within:
            body = {within: body}
        operation = Operation(
            id=self.operation_id(mechanism, key, action or group),
            type=spec.name,
            target=key.id,
            name=name,
            mechanism=mechanism,
            why=why,
            request=Request(
                "POST" if action else "PUT" if spec.put else "PATCH",
                self.item_path(spec, key.id, parent, action),
                body if action else {**body, **_type_tag(spec, tag)},
                spec.throttle.value,
                headers=_DELTAS if spec.retired.keys() & written.body.keys() else {},
            ),
            read=self.item_path(spec, key.id, parent, self._select(spec, written.wanted)),
            before=written.before,
            wanted=written.wanted,
            read_list=_read_list(spec),
            guarded=guarded,
            names=self._names(spec, written.wanted),
        )
        return Draft(operation, key, spec, phase, spec.version, parent or key.id)

    def part(
        self,
        mechanism: Mechanism,
        spec: ObjectType,
        part: Part,
        key: ObjectKey,
        name: str,
        owner: JsonObject,
        item: JsonObject,
        live: JsonObject | None,
    ) -> Draft:
        """PATCH or FINISH of one item of a list within an object, the `owner`; `live` None: of one that is new."""
        which = str(item["id"])
        form = Form(spec)
        members: JsonObject = {one: value for one, value in item.items() if one != "id" and not is_annotation(one)}
        written = written_members(form, members, live or {})
        path = self._join(
            *(
                piece
                if number % 2 == 0
                else quote(which, safe="")
                if piece == "id"
                else self._segment(str(owner[piece]))
                for number, piece in enumerate(re.split(r"\{(\w+)\}", f"/{spec.version}{part.path}"))
            )
        )
        operation = Operation(
            id=self.operation_id(mechanism, key, which),
            type=spec.name,
            target=key.id,
            name=name,
            mechanism=mechanism,
            why=f"Its {which} differs from the snapshot." if live is not None else f"Sets {which} as it was.",
            request=Request(
                "PATCH", path, {**written.body, "id": which, TYPE_TAG: item[TYPE_TAG]}, spec.throttle.value
            ),
            read=path,
            before=written.before if live is not None else {},
            wanted=written.wanted,
        )
        phase = Phase.PATCH if live is not None else Phase.FINISH
        return Draft(operation, key, spec, phase, spec.version, key.id)

    def apart(
        self,
        mechanism: Mechanism,
        spec: ObjectType,
        one: Apart,
        entry: IndexEntry,
        value: Json,
        live: Json,
    ) -> Draft:
        """PATCH or FINISH of a member that has a path of its own. `live`: what the plan saw there."""
        key = ObjectKey(spec.name, entry.id)
        path = self.item_path(spec, entry.id, entry.parent, f"/{one.path}")
        operation = Operation(
            id=self.operation_id(mechanism, key, one.path),
            type=spec.name,
            target=entry.id,
            name=entry.name,
            mechanism=mechanism,
            why=f"Its {one.member} differs from the snapshot."
            if mechanism is Mechanism.PATCH
            else f"Sets its {one.member}, which has a path of its own.",
            request=apart_request(spec, one, path, value),
            read=path,
            before={one.member: live},
            wanted={one.member: value},
        )
        phase = Phase.PATCH if mechanism is Mechanism.PATCH else Phase.FINISH
        return Draft(operation, key, spec, phase, spec.version, entry.parent or entry.id)

    # --- links

    def links(
        self,
        spec: ObjectType,
        relationship: Relationship,
        source: ObjectKey,
        name: str,
        why: str,
        targets: list[str],
        *,
        live: list[str],
        far: ObjectType | None = None,
    ) -> Draft:
        """Up to 20 targets for BIND, one otherwise. `live`: what a single-valued relationship holds now. `far`: the
        target's type, where the relationship is written on the other end."""
        rel = relationship.name
        path = self.item_path(spec, source.id)
        addresses: list[Json] = [
            self._join_value({"$origin": True}, f"{relationship.address or spec.reference_root}/", self.id(target))
            for target in targets
        ]
        if relationship.write is LinkWrite.BIND:
            method = "PATCH"
            body: JsonObject = {f"{rel}@odata.bind": addresses}
        elif relationship.write is LinkWrite.FAR_ACTION:
            assert far is not None
            method, path = "POST", self.item_path(far, targets[0], tail=f"/{relationship.far}")
            body = {relationship.far_member: self.id(source.id)}
        elif far is not None:
            method, path = "POST", self.item_path(far, targets[0], tail=f"/{relationship.far}/$ref")
            body = {"@odata.id": self._join_value({"$origin": True}, f"{spec.list_path}/", self.id(source.id))}
        else:
            method = "PUT" if relationship.write is LinkWrite.PUT_REF else "POST"
            path = self.item_path(spec, source.id, tail=f"/{relationship.path}/$ref")
            body = {"@odata.id": addresses[0]}
        query = "?$select=id&$top=999" if relationship.many else "?$select=id"
        old: list[Json] = list(targets)
        seen: list[Json] = list(live)
        operation = Operation(
            id=self.operation_id(Mechanism.LINK, source, f"{rel}\x00{targets[0]}"),
            type=spec.name,
            target=source.id,
            name=name,
            mechanism=Mechanism.LINK,
            why=why,
            request=Request(method, path, body, spec.throttle.value),
            read=self.item_path(spec, source.id, tail=f"/{relationship.path}{query}"),
            before={} if relationship.many else {rel: seen},
            wanted={rel: old},
            relationship=rel,
        )
        return Draft(
            operation, source, spec, Phase.LINK, spec.version, source.id, membership=relationship.membership
        )

    # --- what was added goes

    def remove(self, spec: ObjectType, entry: IndexEntry, why: str, before: JsonObject) -> Draft:
        """`before`: what the plan saw of the object; it goes only while it is so."""
        key = ObjectKey(spec.name, entry.id)
        operation = Operation(
            id=self.operation_id(Mechanism.REMOVE, key),
            type=spec.name,
            target=entry.id,
            name=entry.name,
            mechanism=Mechanism.REMOVE,
            why=why,
            request=Request("DELETE", self.item_path(spec, entry.id, entry.parent), None, spec.throttle.value),
            read=self.item_path(spec, entry.id, entry.parent, self._select(spec, {*before, *spec.known_by})),
            before=before,
            wanted={},
            read_list=_read_list(spec),
        )
        return Draft(operation, key, spec, Phase.REMOVE, spec.version, entry.parent or entry.id)

    def unlink(
        self,
        spec: ObjectType,
        relationship: Relationship,
        source: ObjectKey,
        name: str,
        why: str,
        target: str,
        *,
        far: ObjectType | None = None,
    ) -> Draft:
        """`far`: the target's type, where the relationship is written on the other end."""
        rel = relationship.name
        method, body = "DELETE", None
        if relationship.write is LinkWrite.FAR_ACTION:
            assert far is not None
            method, body = "POST", {relationship.far_member: self.id(source.id)}
            path = self.item_path(far, target, tail=f"/{relationship.far_away}")
        elif far is not None:
            path = self.item_path(far, target, tail=f"/{relationship.far}/{quote(source.id, safe='')}/$ref")
        else:
            which = f"/{quote(target, safe='')}" if relationship.many else ""
            path = self.item_path(spec, source.id, tail=f"/{relationship.path}{which}/$ref")
        operation = Operation(
            id=self.operation_id(Mechanism.UNLINK, source, f"{rel}\x00{target}"),
            type=spec.name,
            target=source.id,
            name=name,
            mechanism=Mechanism.UNLINK,
            why=why,
            request=Request(method, path, body, spec.throttle.value),
            read=self.item_path(spec, source.id, tail=f"/{relationship.path}?$select=id"),
            before={rel: [target]},
            wanted={},
            relationship=rel,
        )
        return Draft(operation, source, spec, Phase.REMOVE, spec.version, source.id)

    def withdraw(
        self, spec: ObjectType, withdrawal: Withdrawal, entry: IndexEntry, why: str, item: JsonObject
    ) -> Draft:
        """Like `remove`, by a request that names what goes."""
        draft = self.remove(spec, entry, why, {})
        body = _filled_in(withdrawal.body, {**item, "id": entry.id})
        path = f"/{spec.version}{withdrawal.path}"
        draft.operation = replace(draft.operation, request=Request("POST", path, body, spec.throttle.value))
        return draft

    def revoke(self, spec: ObjectType, entry: IndexEntry, member: str, path: str, key_id: str, why: str) -> Draft:
        """One credential goes, by its key id."""
        key = ObjectKey(spec.name, entry.id)
        operation = Operation(
            id=self.operation_id(Mechanism.REVOKE, key, f"{member}\x00{key_id}"),
            type=spec.name,
            target=entry.id,
            name=entry.name,
            mechanism=Mechanism.REVOKE,
            why=why,
            request=Request(
                "POST", self.item_path(spec, entry.id, entry.parent, path), {"keyId": key_id}, spec.throttle.value
            ),
            read=self.item_path(spec, entry.id, entry.parent, self._select(spec, (member,))),
            before={member: [key_id]},
            wanted={},
        )
        return Draft(operation, key, spec, Phase.PATCH, spec.version, entry.id)

    def act(self, spec: ObjectType, entry: IndexEntry, path: str, why: str) -> Draft:
        key = ObjectKey(spec.name, entry.id)
        operation = Operation(
            id=self.operation_id(Mechanism.ACT, key, path),
            type=spec.name,
            target=entry.id,
            name=entry.name,
            mechanism=Mechanism.ACT,
            why=why,
            request=Request("POST", self.item_path(spec, entry.id, tail=path), None, spec.throttle.value),
            read=self.item_path(spec, entry.id, tail=self._select(spec, ())),
            before={},
            wanted={},
        )
        return Draft(operation, key, spec, Phase.LINK, spec.version, entry.id)

    @staticmethod
    def _join_value(*parts: Json) -> Json:
        return {"$join": list(parts)}


def apart_request(spec: ObjectType, one: Apart, path: Json, value: Json) -> Request:
    """What gives a member that has a path of its own this value."""
    if value is None:
        return Request("DELETE", path, None, spec.throttle.value)
    return Request("PUT", path, value, spec.throttle.value, file=one.file)


def marked_name(name: Json, operation_id: str) -> str:
    """The name that an object carries until it has been read back."""
    return f"{name[:_MARKED_NAME] if isinstance(name, str) else ''} [hf:{operation_id}]"


def written_members(form: Form, wanted: JsonObject, live: Mapping[str, Json]) -> Written:
    """A PATCH of these members, from the values they shall have (ids already rewritten) and the live object."""
    body: JsonObject = {name: form.written(name, wanted[name], live.get(name)) for name in sorted(wanted)}
    before: JsonObject = {name: form.shown(name, live.get(name)) for name in sorted(wanted)}
    return Written(body, before, dict(body))


def _read_list(spec: ObjectType) -> str:
    if not spec.read_back_by_list:
        return ""
    return f"{spec.list_path}?{_inline(spec)}" if spec.inline else spec.list_path


def _inline(spec: ObjectType) -> str:
    return f"$expand={','.join(spec.inline)}" if spec.inline else ""


def _type_tag(spec: ObjectType, tag: str) -> JsonObject:
    return {TYPE_TAG: tag or spec.odata_type} if spec.type_tag_on_write else {}


_PLACE: Final = re.compile(r"\{([\w.]+)\}")


def _filled_in(template: Mapping[str, object], values: JsonObject) -> JsonObject:
    """A declared body with the values put in; a member whose value is empty is left out."""
    body: JsonObject = {}
    for name, value in template.items():
        if isinstance(value, dict):
            if filled := _filled_in(value, values):
                body[name] = filled
            continue
        assert value is None or isinstance(value, str | int | float | bool)
        place = _PLACE.fullmatch(value) if isinstance(value, str) else None
        if place is None:
            body[name] = value
        elif (found := member_at(values, place[1])) not in (None, "", []):
            body[name] = found
    return body
