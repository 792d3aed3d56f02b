"""The lock-out guard on fresh reads: the last look before a policy is turned on.

What counts is the tenant at this moment, not the one that the plan saw: the accounts exist and are enabled, and
the groups that exclude them are static, hold them now, and are among those that the approved plan names as
having been there before it. Whatever can't be read proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.catalog.registry import Catalog
from shared.domain.errors import GraphError
from shared.domain.objects import JsonObject
from shared.domain.plan import Operation, RestorePlan
from shared.domain.ports import Clock, Directory
from shared.engines.conditions import holds
from shared.engines.guard import (
    ACCOUNTS,
    GROUPS,
    MEMBERS,
    GroupFact,
    GroupFacts,
    check_policy,
    excluded_groups,
)
from shared.engines.targets import Targets, object_path

_MAX_GROUPS = 200  # of groups in groups that are looked into


class LiveGuard:
    """`Guard` of `preconditions`, over the directory."""

    def __init__(self, directory: Directory, catalog: Catalog, clock: Clock) -> None:
        self._directory = directory
        self._catalog = catalog
        self._clock = clock

    async def findings(self, plan: RestorePlan, operation: Operation, policy: JsonObject) -> list[str]:
        """Why the policy, as it will be, may not act; empty: it may. Raises `Retryable` while Graph is down."""
        targets = Targets(self._directory, self._clock)  # of its own: nothing here may come from an earlier read
        why = await self._unusable(targets, plan.break_glass_ids)
        facts = await self._facts(targets, plan, excluded_groups(policy))
        return why + [finding.why for finding in check_policy(policy, plan.break_glass_ids, facts)]

    async def _unusable(self, targets: Targets, accounts: Iterable[str]) -> list[str]:
        spec = self._catalog.get(ACCOUNTS)
        named = list(accounts)
        try:
            found = await targets.objects(
                spec, [object_path(spec, account, ("accountEnabled", "id")) for account in named]
            )
        except GraphError as error:
            return [f"the break-glass accounts can't be read (status {error.status})"]
        why = []
        for account, one in zip(named, found, strict=True):
            if one.body is None:
                why.append(f"break-glass account {account} does not exist")
            elif one.body.get("accountEnabled") is not True:
                why.append(f"break-glass account {account} is not enabled")
        return why

    async def _facts(self, targets: Targets, plan: RestorePlan, groups: Iterable[str]) -> GroupFacts:
        before = frozenset(plan.guard_groups)
        facts: dict[str, GroupFact] = {}
        todo = list(groups)
        while todo and len(facts) < _MAX_GROUPS:
            group = todo.pop()
            if group in facts:
                continue
            if group not in before:
                facts[group] = GroupFact(static=False, existed_before=False, members=None)
                continue
            fact = await self._fact(targets, group)
            if fact is not None:
                facts[group] = fact
                todo.extend(before.intersection(fact.members or ()))
        return GroupFacts(facts)

    async def _fact(self, targets: Targets, group: str) -> GroupFact | None:
        """None where the group doesn't exist or can't be read."""
        spec = self._catalog.get(GROUPS)
        computed = spec.relationship(MEMBERS).computed_when
        select = ("id", computed.path) if computed is not None else ("id",)
        try:
            (found,) = await targets.objects(spec, [object_path(spec, group, select)])
            if found.body is None:
                return None
            static = computed is None or not holds(computed, found.body)
            members = await targets.linked(spec, group, MEMBERS) if static else None
        except GraphError:
            return None
        return GroupFact(static, True, None if members is None else frozenset(members))
