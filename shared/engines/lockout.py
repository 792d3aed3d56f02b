"""The lock-out guard's facts, read live right before a policy is turned on.

What counts is the tenant at this moment, not the tenant that the plan saw: the accounts exist and are enabled,
and the groups that exclude them are static, were there before this plan, and hold them now. Whatever can't be
read proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.catalog.registry import Catalog
from shared.domain.errors import GraphNotPermitted
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
    """`accounts`: the break-glass accounts that this app was told of; those of the plan count as well."""

    def __init__(self, directory: Directory, clock: Clock, catalog: Catalog, accounts: Iterable[str]) -> None:
        self._directory = directory
        self._clock = clock
        self._catalog = catalog
        self._accounts = frozenset(accounts)

    async def findings(self, plan: RestorePlan, operation: Operation, policy: JsonObject) -> list[str]:
        accounts = sorted(self._accounts | set(plan.break_glass_ids))
        targets = Targets(self._directory, self._clock)  # of its own: nothing here may come from an earlier read
        why = await self._unusable(targets, accounts)
        facts = await self._facts(targets, plan, excluded_groups(policy))
        return why + [finding.why for finding in check_policy(policy, accounts, facts)]

    async def _unusable(self, targets: Targets, accounts: list[str]) -> list[str]:
        spec = self._catalog.get(ACCOUNTS)
        paths = [object_path(spec, account, ("accountEnabled", "id")) for account in accounts]
        why = []
        for account, found in zip(accounts, await targets.objects(spec, paths), strict=True):
            if found.body is None:
                why.append(f"break-glass account {account} does not exist")
            elif found.body.get("accountEnabled") is not True:
                why.append(f"break-glass account {account} is not enabled")
        return why

    async def _facts(self, targets: Targets, plan: RestorePlan, groups: Iterable[str]) -> GroupFacts:
        spec = self._catalog.get(GROUPS)
        condition = spec.relationship(MEMBERS).computed_when
        select = ("id", condition.path) if condition is not None else ("id",)
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
            (found,) = await targets.objects(spec, [object_path(spec, group, select)])
            if found.body is None:
                continue
            static = condition is None or not holds(condition, found.body)
            members = await self._members(targets, group) if static else None
            facts[group] = GroupFact(static, True, members)
            todo.extend(members & before if members is not None else ())
        return GroupFacts(facts)

    async def _members(self, targets: Targets, group: str) -> frozenset[str] | None:
        spec = self._catalog.get(GROUPS)
        try:
            held = await targets.linked(spec, group, MEMBERS)
        except GraphNotPermitted:
            return None
        return None if held is None else frozenset(held)
