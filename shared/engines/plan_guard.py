"""The lock-out guard when a plan is made: over the state that the plan leads to, and the states on the way there.

A policy that would be enabled, or changed while it is on, is judged with the live tenant as the plan leaves it. Any
other operation on what the guard looks at (accounts, groups and their members, roles, domains, methods, strengths,
security defaults) is judged by itself: it must not keep anybody out while the policies are as they are now. What is
let pass here is judged again on the live tenant right before a policy acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.domain.errors import Refused
from shared.domain.plan import Mechanism, Reason
from shared.engines.drafts import Draft
from shared.engines.lockout.conditions import principals
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.membership import Groups
from shared.engines.lockout.shapes import text
from shared.engines.lockout.verdict import added, against, told
from shared.engines.lockout.viewed import GROUPS, USERS, facts_of
from shared.engines.plan_containment import kept
from shared.engines.plan_objects import Planning
from shared.engines.resulting import BEARING, moved, rests_on, resulting, settled
from shared.engines.view import View


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


async def apply_guard(
    planning: Planning, snapshot: View, live: View, accounts: tuple[str, ...], own_apps: Iterable[str] = ()
) -> tuple[str, ...]:
    """Leaves out what the guard doesn't let pass. Returns the groups that may count when it is asked again.

    `own_apps`: application ids by which this program signs in, which policies for workload identities must not keep
    out either."""
    guarded = [(draft, settled(draft.policy)) for draft in planning.drafts if draft.policy is not None]
    bearing = [
        draft
        for draft in planning.drafts
        if draft.policy is None
        and draft.key.type in BEARING
        and (draft.key.type != USERS or draft.key.id in accounts)
    ]
    if not guarded and not (bearing and accounts):
        return ()
    facts = await facts_of(live, accounts, tuple(policy for _, policy in guarded))
    left_off = _locks_out(planning, bearing, facts)
    asked = _ask_again(bearing, left_off)
    before = {text(entry.id) async for entry in snapshot.index(GROUPS)}
    _leave_out(planning, left_off)
    facts = resulting(facts, planning.drafts, before)
    if any(principals(policy) is not None for _, policy in guarded):
        ours = await kept(live, planning.catalog, (), own_apps)
        facts = replace(facts, holdfast_service_principal_ids=tuple(sorted(ours)))
    acting: set[str] = set()
    for draft, policy in guarded:
        if found := against(policy, facts):
            off = draft.operation.mechanism is Mechanism.ENABLE
            _exclude(planning, draft, f"{'left off' if off else 'not changed, because it is on'}: {told(found)}")
        else:
            acting.add(draft.operation.id)
    _leave_out(planning, {draft.operation.id for draft, _ in guarded} - acting)
    if not acting and not asked:
        return ()
    groups = Groups(facts)
    named = (group["id"] for group in facts.groups or ())
    return tuple(sorted(one for one in named if isinstance(one, str) and groups.counts(one)))


def _locks_out(planning: Planning, drafts: Sequence[Draft], facts: Facts) -> set[str]:
    """Ids of operations that would keep an account out by themselves, each told."""
    groups = {text(item.get("id")) for item in facts.groups or ()}
    known = groups | {text(one) for one in facts.break_glass_ids}
    found = set()
    for draft in drafts:
        if draft.key.type == GROUPS and not _matters(draft, groups, known):
            continue
        if new := added(facts, resulting(facts, [draft], groups)):
            found.add(draft.operation.id)
            _exclude(planning, draft, f"not done, because of what is on now: {told(new)}")
    return found


def _ask_again(drafts: Sequence[Draft], left_off: set[str]) -> bool:
    """Has the guard asked again right before those are sent that change what others rest on."""
    found = False
    for draft in drafts:
        operation = draft.operation
        if operation.id not in left_off and operation.mechanism is Mechanism.PATCH and rests_on(draft):
            draft.operation = replace(operation, guarded=True)
            found = True
    return found


def _matters(draft: Draft, groups: set[str], known: set[str]) -> bool:
    """Whether the group is one that anything names, and the membership one of an account or such a group."""
    members = moved(draft)
    return text(draft.key.id) in groups and (not members or not members.isdisjoint(known))


def _exclude(planning: Planning, draft: Draft, why: str) -> None:
    operation = draft.operation
    member = ", ".join(sorted(operation.wanted or operation.before))
    planning.exclude(draft.spec, draft.key.id, operation.name, Reason.LOCK_OUT_GUARD, why, member)


def _leave_out(planning: Planning, ids: set[str]) -> None:
    planning.drafts = [draft for draft in planning.drafts if draft.operation.id not in ids]
