"""The guard's facts about groups, from a snapshot and the live tenant, for planning.

One pass over the live memberships keeps only what can matter: break-glass accounts and groups in groups.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.snapshot import IndexEntry
from shared.engines.conditions import holds
from shared.engines.guard import ACCOUNTS, GROUPS, MEMBERS, GroupFact, GroupFacts
from shared.engines.opening import read_object
from shared.engines.view import View


async def missing_accounts(live: View, accounts: Iterable[str]) -> list[str]:
    """Break-glass ids that are not among the live users, sorted."""
    left = set(accounts)
    async for entry in live.index(ACCOUNTS):
        left.discard(entry.id)
        if not left:
            break
    return sorted(left)


async def group_facts(
    snapshot: View, live: View, catalog: Catalog, groups: Iterable[str], accounts: Iterable[str]
) -> GroupFacts:
    """Facts about these groups and every group inside them."""
    wanted = set(groups)
    if not wanted:
        return GroupFacts()
    spec = catalog.get(GROUPS)
    members = await _members(live, frozenset(accounts))
    readable = live.completeness(f"{GROUPS}.{MEMBERS}").is_complete
    reached = _reached(wanted, members)
    here = await _entries(live, reached)
    before = await _entries(snapshot, reached)
    facts = {}
    for group in sorted(reached & here.keys()):
        static = await _static(live, spec, here[group])
        held = frozenset(members.get(group, ())) if readable else None
        facts[group] = GroupFact(static, group in before, held)
    return GroupFacts(facts)


async def _members(live: View, accounts: frozenset[str]) -> dict[str, set[str]]:
    """Group → those of its members that are groups or break-glass accounts."""
    found: dict[str, set[str]] = {}
    async for link in live.links(GROUPS, MEMBERS):
        if link.target in accounts or link.target_type == GROUPS:
            found.setdefault(link.source, set()).add(link.target)
    return found


def _reached(groups: set[str], members: dict[str, set[str]]) -> set[str]:
    reached = set(groups)
    todo = list(groups)
    while todo:
        for inner in members.get(todo.pop(), ()):
            if inner not in reached:
                reached.add(inner)
                todo.append(inner)
    return reached


async def _entries(view: View, ids: set[str]) -> dict[str, IndexEntry]:
    return {entry.id: entry async for entry in view.index(GROUPS) if entry.id in ids}


async def _static(live: View, spec: ObjectType, entry: IndexEntry) -> bool:
    condition = spec.relationship(MEMBERS).computed_when
    return condition is None or not holds(condition, await read_object(live, spec.name, entry))
