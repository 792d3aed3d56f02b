"""The lock-out guard when a plan is made: over the state that the plan leads to.

That state is the live tenant with what the plan writes. A group that the plan makes or brings back may hold anybody
and excludes nobody; one that it turns dynamic, or that wasn't there when the snapshot was taken, excludes nobody.
What is let pass here is judged again on the live tenant right before it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from shared.domain.errors import Refused
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import Mechanism, Reason
from shared.engines.drafts import Draft
from shared.engines.lockout.facts import Facts, Objects
from shared.engines.lockout.membership import Groups
from shared.engines.lockout.shapes import text
from shared.engines.lockout.verdict import against, told
from shared.engines.lockout.viewed import (
    ASSIGNMENTS,
    DOMAINS,
    GROUPS,
    MEMBERS,
    STRENGTHS,
    USERS,
    facts_of,
)
from shared.engines.markers import ID
from shared.engines.plan_objects import Planning
from shared.engines.view import View

_DYNAMIC: Final = frozenset({"groupTypes", "membershipRule", "membershipRuleProcessingState"})
_FIELDS: Final = {  # of the facts, by the type of the objects in them
    USERS: "users",
    DOMAINS: "domains",
    STRENGTHS: "authentication_strength_policies",
}


async def check_accounts(drafts: Iterable[Draft], live: View, accounts: tuple[str, ...]) -> None:
    """Raises `Refused` where policies would be touched without break-glass accounts that exist."""
    touched = next((draft for draft in drafts if draft.spec.enabling is not None), None)
    if touched is None:
        return
    if not accounts:
        raise Refused(
            "no break-glass accounts are configured, so nothing may be planned on objects that act on sign-ins",
            object_type=touched.spec.name,
            hint="configure them, or leave this type out of the scope",
        )
    if missing := await missing_accounts(live, accounts):
        raise Refused(
            f"break-glass accounts that are not live: {', '.join(missing)}",
            object_type=touched.spec.name,
            hint="correct the setting; if they were deleted, bring them back first, with a scope of their ids",
        )


async def missing_accounts(live: View, accounts: Iterable[str]) -> list[str]:
    """Break-glass ids that are not among the live users, sorted."""
    left = set(accounts)
    async for entry in live.index(USERS):
        left.discard(entry.id)
        if not left:
            break
    return sorted(left)


async def apply_guard(planning: Planning, snapshot: View, live: View, accounts: tuple[str, ...]) -> tuple[str, ...]:
    """Leaves out what the guard doesn't let pass. Returns the groups that may count when it is asked again."""
    guarded = [(draft, _settled(draft.policy)) for draft in planning.drafts if draft.policy is not None]
    if not guarded:
        return ()
    facts = await facts_of(live, accounts, tuple(policy for _, policy in guarded))
    before = {text(entry.id) async for entry in snapshot.index(GROUPS)}
    facts = resulting(facts, planning.drafts, before)
    left_off: set[str] = set()
    for draft, policy in guarded:
        if found := against(policy, facts):
            left_off.add(draft.operation.id)
            off = draft.operation.mechanism is Mechanism.ENABLE
            why = f"{'left off' if off else 'not changed, because it is on'}: {told(found)}"
            member = ", ".join(sorted(draft.operation.wanted))
            planning.exclude(draft.spec, draft.key.id, draft.operation.name, Reason.LOCK_OUT_GUARD, why, member)
    planning.drafts = [draft for draft in planning.drafts if draft.operation.id not in left_off]
    if len(left_off) == len(guarded):
        return ()
    groups = Groups(facts)
    named = (group["id"] for group in facts.groups or ())
    return tuple(sorted(one for one in named if isinstance(one, str) and groups.counts(one)))


def resulting(facts: Facts, drafts: Sequence[Draft], before: set[str]) -> Facts:
    """The facts as they will be once the plan has run. `before`: ids of the snapshot's groups."""
    held = {text(group.get("id")) for group in facts.groups or ()}
    brought = [draft.key.id for draft in _of(drafts, GROUPS) if draft.brings and text(draft.key.id) not in held]
    changed = {text(draft.key.id) for draft in _of(drafts, GROUPS) if _DYNAMIC & draft.operation.wanted.keys()}
    made: Objects = tuple({"id": one, MEMBERS: None} for one in brought)
    patched: dict[str, Any] = {
        field: _patched(getattr(facts, field), drafts, name) for name, field in _FIELDS.items()
    }
    return replace(
        facts,
        groups=None if facts.groups is None else (*facts.groups, *made),
        uncounted=frozenset(changed | (held - before)),
        role_assignments=_assigned(facts.role_assignments, drafts),
        **patched,
    )


def _of(drafts: Iterable[Draft], name: str) -> Iterator[Draft]:
    return (draft for draft in drafts if draft.key.type == name)


def _patched(held: Objects | None, drafts: Sequence[Draft], name: str) -> Objects | None:
    changes: dict[str, JsonObject] = {}
    for draft in _of(drafts, name):
        if draft.operation.mechanism is Mechanism.PATCH:
            changes.setdefault(draft.key.id, {}).update(_settled(draft.operation.wanted))
    if held is None or not changes:
        return held
    return tuple({**item, **changes.get(_id(item), {})} for item in held)


def _assigned(held: Objects | None, drafts: Sequence[Draft]) -> Objects | None:
    """With what the plan assigns for good; what has an end is made by a request, which says so itself."""
    bodies = [draft.operation.request.body for draft in _of(drafts, ASSIGNMENTS) if draft.brings]
    made = tuple(_settled(body) for body in bodies if isinstance(body, dict))
    return None if held is None else (*held, *made)


def _id(item: JsonObject) -> str:
    found = item.get("id")
    return found if isinstance(found, str) else ""


def _settled(value: JsonObject) -> JsonObject:
    """With old ids where markers stand: of objects that the plan makes, which the facts know by these."""
    found = _unmarked(value)
    assert isinstance(found, dict)
    return found


def _unmarked(value: Json) -> Json:
    if isinstance(value, list):
        return [_unmarked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {ID}:
        return value[ID]
    return {name: _unmarked(one) for name, one in value.items()}
