"""The lock-out guard when a plan is made: over the state that the plan leads to, and the states on the way there.

A policy that would be enabled, or changed while it is on, is judged with the live tenant as the plan leaves it. Any
other operation that bears on the guard's word (`Bearing`: accounts, groups and their members, roles, domains,
methods, strengths, security defaults) is judged by itself and on top of those before it: it must not keep anybody
out while the policies are as they are now. What is let pass here is judged again on the live tenant right before it
is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from shared.domain.errors import Refused
from shared.domain.plan import Mechanism, Reason
from shared.engines.drafts import Draft
from shared.engines.lockout.conditions import principals
from shared.engines.lockout.facts import Facts, Objects
from shared.engines.lockout.membership import Groups
from shared.engines.lockout.shapes import text
from shared.engines.lockout.verdict import added, against, told
from shared.engines.lockout.viewed import GROUPS, USERS, named_in, whole_of
from shared.engines.plan_containment import kept
from shared.engines.plan_objects import Planning
from shared.engines.resulting import moved, resulting, settled
from shared.engines.view import View

# FINISH is of what was just made, and nothing names that yet; the others take access away.
_NO_MATTER: Final = frozenset({Mechanism.FINISH, Mechanism.REVOKE, Mechanism.ACT})


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
    bearing = [draft for draft in planning.drafts if draft.policy is None and _may_bear(draft, accounts)]
    if not guarded and not (bearing and accounts):
        return ()
    before = {text(entry.id) async for entry in snapshot.index(GROUPS)}
    known = {*before, *map(text, accounts), *[text(entry.id) async for entry in live.index(GROUPS)]}
    policies = tuple(policy for _, policy in guarded)
    bearing = [one for one in bearing if not (_is_membership(one) and moved(one.operation).isdisjoint(known))]
    linked = {one for draft in bearing for one in moved(draft.operation)}
    facts = await whole_of(live, accounts, policies, linked)
    named = {*named_in(facts, policies), *(text(group.get("id")) for group in facts.groups or ())}
    judged = [draft for draft in bearing if _bears(draft, facts, known, named)]
    left_off = _locks_out(planning, judged, facts)
    asked = _ask_again(judged, left_off)
    _leave_out(planning, left_off)
    done = [one for one in bearing if one.operation.id not in left_off]
    held = {text(group.get("id")) for group in facts.groups or ()}
    facts = resulting(
        replace(facts, uncounted=frozenset(held - before)),
        # A group that comes back may hold anybody, wherever it is put.
        (draft.operation for draft in done if _bears(draft, facts, known, named | linked)),
        planning.catalog,
    )
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
    ids = (group["id"] for group in facts.groups or ())
    return tuple(sorted(one for one in ids if isinstance(one, str) and groups.counts(one)))


def _may_bear(draft: Draft, accounts: tuple[str, ...]) -> bool:
    """Whether the guard's word may rest on what the draft does, as far as its type says."""
    bearing, operation = draft.spec.bearing, draft.operation
    if bearing is None or operation.mechanism in _NO_MATTER:
        return False
    if operation.relationship:
        return operation.relationship in bearing.links
    return not bearing.accounts or draft.key.id in accounts


def _is_membership(draft: Draft) -> bool:
    name = draft.operation.relationship
    return bool(name) and draft.spec.relationship(name).membership


def _bears(draft: Draft, facts: Facts, known: set[str], named: set[str]) -> bool:
    """The same of the object. `known`: ids of the accounts and of every group; `named`: of groups that anything
    names, and of those within them."""
    bearing, operation = draft.spec.bearing, draft.operation
    assert bearing is not None
    if operation.relationship:
        return True
    if bearing.about:
        held: Objects = getattr(facts, bearing.fact) or ()
        body = operation.request.body
        said = (
            *(one for one in held if text(one.get("id")) == text(draft.key.id)),
            settled({**(body if isinstance(body, dict) else {}), **operation.wanted}),
        )
        return any(text(one.get(bearing.about)) in known for one in said)
    if bearing.named:
        return text(draft.key.id) in named and (
            operation.mechanism is not Mechanism.PATCH or not operation.wanted.keys().isdisjoint(bearing.unsettling)
        )
    # What is only made is named by nothing yet, unless it lies within something that is there.
    at_once = bearing.at_once or bearing.inside or bearing.parent_becomes
    return not operation.mechanism.brings or bool(at_once)


def _locks_out(planning: Planning, drafts: Sequence[Draft], facts: Facts) -> set[str]:
    """Ids of operations that would keep an account out, by themselves or after those before them, each told."""
    found = set()
    reached = facts
    for draft in drafts:
        after = resulting(reached, [draft.operation], planning.catalog)
        alone = resulting(facts, [draft.operation], planning.catalog)
        if new := added(facts, alone) or added(facts, after):
            found.add(draft.operation.id)
            _exclude(planning, draft, f"not done, because of what is on now: {told(new)}")
        else:
            reached = after
    return found


def _ask_again(drafts: Sequence[Draft], left_off: set[str]) -> bool:
    """Has the guard asked again right before those are sent on which others rest."""
    found = False
    for draft in drafts:
        if draft.operation.id not in left_off:
            draft.operation = replace(draft.operation, guarded=True)
            found = True
    return found


def _exclude(planning: Planning, draft: Draft, why: str) -> None:
    operation = draft.operation
    member = ", ".join(sorted(operation.wanted or operation.before))
    planning.exclude(draft.spec, draft.key.id, operation.name, Reason.LOCK_OUT_GUARD, why, member)


def _leave_out(planning: Planning, ids: set[str]) -> None:
    planning.drafts = [one for one in planning.drafts if not {one.operation.id, one.leads_to} & ids]
