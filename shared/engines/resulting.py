"""The lock-out guard's facts as operations of a plan leave them. Pure: nothing is read.

What an operation makes, brings back or links is not there yet: it may catch an account, and lets none out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from shared.domain.objects import Json, JsonObject
from shared.domain.plan import Mechanism
from shared.engines.drafts import Draft
from shared.engines.lockout.facts import Facts, Objects
from shared.engines.lockout.shapes import objects, text
from shared.engines.lockout.viewed import (
    ASSIGNMENTS,
    CONFIGURATIONS,
    DEFAULTS,
    FIELDS,
    GROUPS,
    MEMBERS,
)
from shared.engines.markers import ID

_DYNAMIC: Final = frozenset({"groupTypes", "membershipRule", "membershipRuleProcessingState"})
_FIELDS: Final = {**FIELDS, ASSIGNMENTS: "role_assignments"}
_METHODS: Final = "authentication_methods_policy"
_DEFAULTS: Final = "identity_security_defaults_enforcement_policy"
# Types whose operations may change what the guard says of policies that are on.
BEARING: Final = frozenset({*_FIELDS, CONFIGURATIONS, DEFAULTS})


def resulting(facts: Facts, drafts: Sequence[Draft], before: set[str]) -> Facts:
    """The facts once these operations have run. `before`: ids of the groups that may exclude somebody at all."""
    held = {text(group.get("id")) for group in facts.groups or ()}
    changed = {text(draft.key.id) for draft in _of(drafts, GROUPS) if _DYNAMIC & draft.operation.wanted.keys()}
    fields: dict[str, Any] = {
        field: _written(getattr(facts, field), drafts, name) for name, field in _FIELDS.items()
    }
    groups, linked = _linked(fields["groups"], drafts, held)
    fields["groups"] = groups
    fields["role_assignments"] = _assigned(fields["role_assignments"], drafts)
    fields[_METHODS] = _configured(facts.authentication_methods_policy, drafts)
    fields[_DEFAULTS] = _singleton(facts.identity_security_defaults_enforcement_policy, drafts)
    return replace(facts, uncounted=frozenset(changed | linked | (held - before)), **fields)


def settled(value: JsonObject) -> JsonObject:
    """With old ids where markers stand: of objects that the plan makes, which the facts know by these."""
    found = _unmarked(value)
    assert isinstance(found, dict)
    return found


def _of(drafts: Iterable[Draft], name: str) -> Iterator[Draft]:
    return (draft for draft in drafts if draft.key.type == name)


def _written(held: Objects | None, drafts: Sequence[Draft], name: str) -> Objects | None:
    """Objects as patched, without those that go."""
    changes: dict[str, JsonObject] = {}
    gone = set()
    for draft in _of(drafts, name):
        if draft.operation.mechanism is Mechanism.PATCH:
            changes.setdefault(draft.key.id, {}).update(settled(draft.operation.wanted))
        elif draft.operation.mechanism is Mechanism.REMOVE:
            gone.add(draft.key.id)
    if held is None or not (changes or gone):
        return held
    return tuple({**item, **changes.get(_id(item), {})} for item in held if _id(item) not in gone)


def _assigned(held: Objects | None, drafts: Sequence[Draft]) -> Objects | None:
    """With what the plan assigns for good; what has an end is made by a request, which says so itself."""
    bodies = [draft.operation.request.body for draft in _of(drafts, ASSIGNMENTS) if draft.brings]
    made = tuple(settled(body) for body in bodies if isinstance(body, dict))
    return None if held is None else (*held, *made)


def _linked(held: Objects | None, drafts: Sequence[Draft], known: set[str]) -> tuple[Objects | None, set[str]]:
    """Groups with what is brought, linked and unlinked, and the ids of those among them that let nobody out: what
    is linked is held by a group within the group, which isn't there yet."""
    if held is None:
        return None, set()
    made: list[JsonObject] = [
        {"id": draft.key.id, MEMBERS: None}
        for draft in _of(drafts, GROUPS)
        if draft.brings and text(draft.key.id) not in known
    ]
    coming: dict[str, list[Json]] = {}
    going: dict[str, set[str]] = {}
    for draft in _of(drafts, GROUPS):
        if draft.operation.relationship == MEMBERS:
            coming.setdefault(text(draft.key.id), []).extend(_ids(draft.operation.wanted))
            going.setdefault(text(draft.key.id), set()).update(text(one) for one in _ids(draft.operation.before))
    within: list[JsonObject] = []
    groups: list[JsonObject] = []
    for group in held:
        one, members = text(group.get("id")), group.get(MEMBERS)
        if isinstance(members, list) and (coming.get(one) or going.get(one)):
            members = [member for member in members if text(member) not in going[one]]
            if coming[one]:
                within.append({"id": f"coming to {one}", MEMBERS: coming[one]})
                members.append(f"coming to {one}")
        groups.append({**group, MEMBERS: members})
    return (*groups, *made, *within), {text(group["id"]) for group in within}


def rests_on(draft: Draft) -> bool:
    """Whether the guard's word may rest on what the draft writes; of groups, on how they get their members."""
    return draft.key.type != GROUPS or bool(_DYNAMIC & draft.operation.wanted.keys())


def moved(draft: Draft) -> set[str]:
    """Ids of whom a draft makes a member of a group, or takes out of it; empty for another one."""
    if draft.operation.relationship != MEMBERS:
        return set()
    return {text(one) for one in (*_ids(draft.operation.wanted), *_ids(draft.operation.before))}


def _ids(values: JsonObject) -> list[Json]:
    found = values.get(MEMBERS)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _configured(policy: JsonObject | None, drafts: Sequence[Draft]) -> JsonObject | None:
    configurations = objects(policy.get(CONFIGURATIONS)) if policy is not None else None
    if policy is None or configurations is None:
        return policy
    return {**policy, CONFIGURATIONS: [*(_written(configurations, drafts, CONFIGURATIONS) or ())]}


def _singleton(held: JsonObject | None, drafts: Sequence[Draft]) -> JsonObject | None:
    found = _written((held,), drafts, DEFAULTS) if held is not None else None
    return found[0] if found else held


def _id(item: JsonObject) -> str:
    found = item.get("id")
    return found if isinstance(found, str) else ""


def _unmarked(value: Json) -> Json:
    if isinstance(value, list):
        return [_unmarked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {ID}:
        return value[ID]
    return {name: _unmarked(one) for name, one in value.items()}
