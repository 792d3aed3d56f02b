"""The lock-out guard on fresh reads: the last look before a policy is turned on, or changed while it is on, and
before anything is changed on which it rests that nobody is kept out.

What counts is the tenant at this moment, not the one that the plan saw. Groups exclude somebody only if the
approved plan names them as having been there before it. Whatever can't be read proves nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import quote

from shared.catalog.registry import Catalog
from shared.domain.errors import GraphError, GraphNotLicensed
from shared.domain.objects import JsonObject
from shared.domain.plan import Operation, RestorePlan
from shared.domain.ports import Clock, Directory
from shared.engines.lockout.conditions import excluded_groups, included_groups, may_be_on
from shared.engines.lockout.facts import Facts, Objects
from shared.engines.lockout.registered import registered_now
from shared.engines.lockout.rules import Rule
from shared.engines.lockout.verdict import added, against, told
from shared.engines.lockout.viewed import (
    ASSIGNMENTS,
    CONFIGURATIONS,
    DEFAULTS,
    DOMAINS,
    GROUPS,
    MEMBERS,
    METHODS_POLICY,
    NATURES,
    POLICIES,
    STRENGTHS,
    USERS,
    with_object,
)
from shared.engines.targets import Targets, object_path

T = TypeVar("T")

_MAX_GROUPS: Final = 200  # of groups in groups that are looked into
_USER: Final = (
    "accountEnabled",
    "creationType",
    "externalUserState",
    "id",
    "isManagementRestricted",
    "onPremisesSyncEnabled",
    "userPrincipalName",
    "userType",
)
_GROUP: Final = ("groupTypes", "id", "isAssignableToRole", "membershipRule", "visibility")
_BY_METHODS: Final = frozenset({Rule.MFA, Rule.STRENGTH, Rule.DEFAULTS_UNMET})  # what a method may mend


class LiveGuard:
    """`Guard` of `preconditions`, over the directory."""

    def __init__(self, directory: Directory, catalog: Catalog, clock: Clock) -> None:
        self._directory = directory
        self._catalog = catalog
        self._clock = clock

    async def findings(self, plan: RestorePlan, operation: Operation, policy: JsonObject) -> list[str]:
        """Why the object may not be as it will be; empty: it may. A policy may not act where an account can't be
        proved to get in; of anything else it counts what policies that are on come to ask. Raises `Retryable` while
        Graph is down."""
        # Targets of its own: nothing here may come from an earlier read.
        reading = _Reading(Targets(self._directory, self._clock), self._catalog, plan.break_glass_ids)
        before = frozenset(plan.guard_groups)
        if operation.type != POLICIES:
            return await self._in_between(reading, before, operation.type, policy)
        facts = await reading.facts((policy,), before)
        found = against(policy, facts)
        if any(finding.rule in _BY_METHODS for _, finding in found):
            facts = await self._with_methods(reading, facts)
            found = against(policy, facts)
        return [told(found)] if found else []

    async def _in_between(
        self, reading: _Reading, before: frozenset[str], type_name: str, item: JsonObject
    ) -> list[str]:
        policies = await reading.listed(POLICIES)
        acting = tuple(policy for policy in policies or () if may_be_on(policy))
        facts = replace(await reading.facts(acting, before), conditional_access_policies=acting)
        facts = await self._with_methods(reading, facts)
        new = added(facts, with_object(facts, type_name, item))
        return [told(new)] if new else []

    async def _with_methods(self, reading: _Reading, facts: Facts) -> Facts:
        accounts = facts.break_glass_ids
        return replace(
            facts,
            registered_methods=await registered_now(self._directory, self._catalog, self._clock, accounts),
            authentication_methods_policy=await reading.methods_policy(),
            authentication_strength_policies=await reading.listed(STRENGTHS),
        )


class _Reading:
    """Of what one policy and the state around it need."""

    def __init__(self, targets: Targets, catalog: Catalog, accounts: tuple[str, ...]) -> None:
        self._targets = targets
        self._catalog = catalog
        self._accounts = accounts

    async def facts(self, policies: Objects, before: frozenset[str]) -> Facts:
        """Without methods and strengths. `before`: ids of the groups that may exclude somebody."""
        roles = await self._roles()
        holders = {one for item in roles or () if isinstance(one := item.get("principalId"), str)}
        excluded = {group for policy in policies for group in excluded_groups(policy)}
        included = {group for policy in policies for group in included_groups(policy)}
        excluding = await self._excluding(sorted(excluded), before)
        others = await self._others(holders, included, excluding)
        groups = None if excluding is None or others is None else (*excluding.values(), *others)
        return Facts(
            break_glass_ids=self._accounts,
            users=await self._objects(USERS, self._accounts, _USER),
            groups=groups,
            role_assignments=roles,
            domains=await self.listed(DOMAINS),
            authentication_strength_policies=(),
            identity_security_defaults_enforcement_policy=await self._single(DEFAULTS),
            uncounted=frozenset(one for item in groups or () if isinstance(one := item["id"], str)) - before,
        )

    async def methods_policy(self) -> JsonObject | None:
        policy, configurations = await self._single(METHODS_POLICY), await self.listed(CONFIGURATIONS)
        if policy is None or configurations is None:
            return None
        return {**policy, CONFIGURATIONS: [*configurations]}

    async def listed(self, name: str) -> Objects | None:
        spec = self._catalog.get(name)
        found = await _readable(self._targets.listed(spec, spec.list_path))
        return None if found is None else tuple(found[0])

    async def _single(self, name: str) -> JsonObject | None:
        spec = self._catalog.get(name)
        found = await _readable(self._targets.objects(spec, [object_path(spec, "")]))
        return found[0].body if found else None

    async def _objects(self, name: str, ids: Iterable[str], select: tuple[str, ...]) -> Objects | None:
        """Those of the objects that are there."""
        spec = self._catalog.get(name)
        found = await _readable(self._targets.objects(spec, [object_path(spec, one, select) for one in ids]))
        return None if found is None else tuple(one.body for one in found if one.body is not None)

    async def _roles(self) -> Objects | None:
        """Assignments with what tells of them what they are. Without the licence for it, nothing has to tell."""
        items: list[JsonObject] = []
        for name in (ASSIGNMENTS, *NATURES):
            spec = self._catalog.get(name)
            try:
                found, _ = await self._targets.listed(spec, spec.list_path)
            except GraphNotLicensed:
                continue
            except GraphError:
                return None
            items += found
        return tuple(items)

    async def _excluding(self, groups: Iterable[str], before: frozenset[str]) -> dict[str, JsonObject] | None:
        """Groups that the policy excludes and the groups in them, each with its direct members."""
        found: dict[str, JsonObject] = {}
        todo = [one for one in groups if one in before]
        while todo and len(found) < _MAX_GROUPS:
            group = todo.pop()
            if group in found:
                continue
            objects = await self._objects(GROUPS, [group], _GROUP)
            if not objects:
                continue
            linked = await _readable(self._targets.linked(self._catalog.get(GROUPS), group, MEMBERS))
            found[group] = {**objects[0], MEMBERS: None if linked is None else [*sorted(linked)]}
            todo.extend(before.intersection(linked or ()))
        return found

    async def _others(
        self, holders: set[str], included: set[str], known: dict[str, JsonObject] | None
    ) -> Objects | None:
        """Groups that catch an account, or give it a role, with those of the accounts that they hold, however."""
        held: dict[str, set[str]] = {}
        for account in self._accounts:
            groups = await self._groups_of(account)
            if groups is None:
                return None
            for group in groups:
                held.setdefault(group, set()).add(account)
        wanted = sorted(({*held} & holders | included) - {*(known or ())})
        objects = await self._objects(GROUPS, wanted, _GROUP)
        if objects is None:
            return None
        return tuple({**item, MEMBERS: [*sorted(held.get(str(item["id"]), ()))]} for item in objects)

    async def _groups_of(self, account: str) -> set[str] | None:
        """Ids of the groups (and roles and units) that the account is in, through others, too."""
        spec = self._catalog.get(USERS)
        path = f"{spec.list_path}/{quote(account, safe='')}/transitiveMemberOf?$select=id&$top=999"
        found = await _readable(self._targets.lookups(spec, [path]))
        if found is None:
            return None
        return {one for item in found[0] or () if isinstance(one := item.get("id"), str)}


async def _readable(reading: Awaitable[T]) -> T | None:
    """None for what Graph refuses."""
    try:
        return await reading
    except GraphError:
        return None
