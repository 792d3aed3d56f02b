"""The lock-out guard on fresh reads: the last look before a policy is turned on, or changed while it is on, and
before anything is changed on which it rests that nobody is kept out.

What counts is the tenant at this moment, not the one that the plan saw. Groups exclude somebody only if the
approved plan names them as having been there before it. Whatever can't be read proves nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable
from dataclasses import replace
from typing import Final, TypedDict, TypeVar
from urllib.parse import quote

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.errors import GraphError, GraphNotLicensed
from shared.domain.objects import JsonObject
from shared.domain.plan import Mechanism, Operation, RestorePlan
from shared.domain.ports import Clock, Directory
from shared.engines.lockout.conditions import excluded_groups, included_groups, may_be_on
from shared.engines.lockout.facts import Facts, Objects
from shared.engines.lockout.methods import EXCLUDED, INCLUDED, targets_of
from shared.engines.lockout.registered import registered_now
from shared.engines.lockout.rules import Rule
from shared.engines.lockout.shapes import text
from shared.engines.lockout.state import accounts_of
from shared.engines.lockout.verdict import added, against, told
from shared.engines.lockout.viewed import (
    APPLIES_TO,
    ASSIGNMENTS,
    CONFIGURATIONS,
    CROSS_TENANT_DEFAULT,
    CROSS_TENANT_PARTNERS,
    DEFAULTS,
    DOMAINS,
    GROUPS,
    HOME_REALMS,
    MEMBERS,
    METHODS_POLICY,
    NATURES,
    POLICIES,
    PRINCIPALS,
    STRENGTHS,
    USERS,
)
from shared.engines.resulting import moved, resulting
from shared.engines.second_opinion import AGREED, Opinion, SecondOpinion
from shared.engines.targets import Targets, object_path

T = TypeVar("T")

_HOLDS: Final = 60.0  # seconds for which what the service said of a policy holds
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
_BY_METHODS: Final = frozenset(
    {Rule.MFA, Rule.STRENGTH, Rule.DEFAULTS_UNMET, Rule.CERTIFICATE}
)  # what a method may mend


class _Groups(TypedDict):
    """Of the facts."""

    groups: Objects | None
    uncounted: frozenset[str]


class _Realms(TypedDict):
    """Of the facts."""

    home_realm_discovery_policies: Objects | None
    service_principals: Objects | None


class LiveGuard:
    """`Guard` of `preconditions`, over the directory."""

    def __init__(self, directory: Directory, catalog: Catalog, clock: Clock) -> None:
        self._directory = directory
        self._catalog = catalog
        self._clock = clock
        self._agreed: tuple[tuple[str, ...], float, Opinion] | None = None

    async def word(self, plan: RestorePlan, operation: Operation, item: JsonObject, before: JsonObject) -> Opinion:
        """Whether the operation, its ids those of now, may be sent. A policy may not act (`item`: as it will be;
        `before`: what of it is replaced) where an account can't be proved to get in, or where the service itself
        says otherwise; of anything else it counts what policies that are on come to ask. Raises `Retryable` while
        Graph is down."""
        # Targets of its own: nothing here may come from an earlier read.
        reading = _Reading(Targets(self._directory, self._clock), self._catalog, plan.break_glass_ids)
        spec = self._catalog.get(operation.type)
        if spec.enabling is None:
            return Opinion(against=await self._in_between(reading, operation))
        groups = frozenset(map(text, plan.guard_groups))
        facts = await reading.facts((item,), groups)
        found = against(item, facts)
        if any(finding.rule in _BY_METHODS for _, finding in found):
            facts = await self._with_methods(reading, facts)
            found = against(item, facts)
        if found:
            return Opinion(against=told(found))
        if operation.mechanism is not Mechanism.ENABLE:
            return AGREED  # what is on already can't be tried as it will be
        return await self._second(plan, operation, spec, item, before, facts)

    async def _second(
        self,
        plan: RestorePlan,
        operation: Operation,
        spec: ObjectType,
        item: JsonObject,
        before: JsonObject,
        facts: Facts,
    ) -> Opinion:
        """Asked once for a policy as it is: asking takes longer than a reading may be old."""
        key = (plan.id, operation.id, repr(sorted(item.items())))
        if self._agreed is None or self._agreed[0] != key or self._clock.monotonic() - self._agreed[1] > _HOLDS:
            opinion = await SecondOpinion(self._directory, spec).of(item, before, facts)
            if opinion.against or opinion.wait:
                return opinion
            self._agreed = key, self._clock.monotonic(), opinion
        return self._agreed[2]

    async def _in_between(self, reading: _Reading, operation: Operation) -> str:
        """What keeps an account out once this was sent, and doesn't now; "" for nothing. Every group counts that is
        there now: whether this changes that is the question."""
        policies = await reading.listed(POLICIES)
        acting = tuple(policy for policy in policies or () if may_be_on(policy))
        linked = (operation.target, *sorted(moved(operation))) if operation.relationship else ()
        facts = replace(await reading.facts(acting, None, linked), conditional_access_policies=acting)
        facts = await self._with_methods(reading, facts)
        new = added(facts, resulting(facts, [operation], self._catalog))
        return told(new) if new else ""

    async def _with_methods(self, reading: _Reading, facts: Facts) -> Facts:
        accounts = facts.break_glass_ids
        return replace(
            facts,
            registered_methods=await registered_now(self._directory, self._catalog, self._clock, accounts),
            authentication_strength_policies=await reading.listed(STRENGTHS),
        )


class _Reading:
    """Of what some policies and the state around them need."""

    def __init__(self, targets: Targets, catalog: Catalog, accounts: tuple[str, ...]) -> None:
        self._targets = targets
        self._catalog = catalog
        self._accounts = accounts

    async def facts(
        self,
        policies: Objects,
        before: frozenset[str] | None,
        linked: Iterable[str] = (),
    ) -> Facts:
        """Without what is registered and strengths. `before`: ids of the groups that may exclude somebody; None for
        all. `linked`: ids of what an operation links or unlinks, groups and others."""
        roles = await self._roles()
        holders = {text(item.get("principalId")) for item in roles or ()}
        methods = await self._methods_policy()
        targets = list(targets_of(methods))
        excluded = {text(one) for policy in policies for one in excluded_groups(policy)}
        excluded.update(name for kind, name in targets if kind == INCLUDED)
        included = {text(one) for policy in policies for one in included_groups(policy)}
        included.update(name for kind, name in targets if kind == EXCLUDED)
        facts = Facts(
            whole=True,
            break_glass_ids=self._accounts,
            users=await self._objects(USERS, self._accounts, _USER),
            role_assignments=roles,
            domains=await self.listed(DOMAINS),
            authentication_strength_policies=(),
            authentication_methods_policy=methods,
            identity_security_defaults_enforcement_policy=await self._single(DEFAULTS),
            **await self._realms(linked),
            **await self._groups(excluded, included, holders, before, {text(one) for one in linked}),
        )
        if all(account.external is False for account in accounts_of(facts)):
            return facts
        return replace(
            facts,
            cross_tenant_access_default=await self._single(CROSS_TENANT_DEFAULT),
            cross_tenant_access_partners=await self.listed(CROSS_TENANT_PARTNERS),
        )

    async def _realms(self, linked: Iterable[str]) -> _Realms:
        """Home realm discovery policies with the service principals that they are for."""
        found = await self.listed(HOME_REALMS)
        policies: list[JsonObject] = []
        ids = {*linked}
        for policy in found or ():
            name = policy.get("id")
            applied = await _readable(
                self._targets.linked(
                    self._catalog.get(HOME_REALMS), name if isinstance(name, str) else "", APPLIES_TO
                )
            )
            ids.update(applied or ())
            policies.append({**policy, APPLIES_TO: None if applied is None else [*sorted(applied)]})
        return {
            "home_realm_discovery_policies": None if found is None else tuple(policies),
            "service_principals": await self._objects(PRINCIPALS, sorted(ids), ("appId", "id")) if found else (),
        }

    async def _groups(
        self,
        excluded: set[str],
        included: set[str],
        holders: set[str],
        before: frozenset[str] | None,
        linked: set[str],
    ) -> _Groups:
        """Groups that let somebody out with their direct members, groups that catch somebody or give a role with
        those of the accounts (and of what is linked) that they hold, however."""
        held: dict[str, set[str]] = {}
        for one in sorted({*map(text, self._accounts), *linked}):
            around = await self._groups_of(one)
            if around is None:
                return {"groups": None, "uncounted": frozenset()}
            for name in around:
                held.setdefault(name, set()).add(one)
        counting = {*held, *linked, *excluded} if before is None else before
        excluding = await self._excluding(sorted(excluded & counting), counting)
        caught: list[JsonObject] = []
        if excluding is not None:
            # What lets somebody out may catch somebody, too, through groups that let nobody out.
            for name, group in excluding.items():
                if isinstance(members := group[MEMBERS], list):
                    caught.append({"id": f"also in {name}", MEMBERS: [*sorted(held.get(name, ()))]})
                    members.append(f"also in {name}")
        wanted = sorted(({*held} & holders | included | linked) - {*(excluding or ())})
        objects = await self._objects(GROUPS, wanted, _GROUP)
        if excluding is None or objects is None:
            return {"groups": None, "uncounted": frozenset()}
        others: list[JsonObject] = [
            {**item, MEMBERS: [*sorted(held.get(text(item.get("id")), ()))]} for item in objects
        ]
        groups_read: Objects = (*excluding.values(), *caught, *others)
        uncounted = {text(one["id"]) for one in caught}
        if before is not None:
            uncounted.update(text(one.get("id")) for one in groups_read if text(one.get("id")) not in before)
        return {"groups": groups_read, "uncounted": frozenset(uncounted)}

    async def _methods_policy(self) -> JsonObject | None:
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

    async def _excluding(self, groups: Iterable[str], counting: Collection[str]) -> dict[str, JsonObject] | None:
        """These groups and those in them, of the ones that count, each with its direct members."""
        found: dict[str, JsonObject] = {}
        todo = list(groups)
        while todo and len(found) < _MAX_GROUPS:
            group = todo.pop()
            if group in found:
                continue
            objects = await self._objects(GROUPS, [group], _GROUP)
            if objects is None:
                return None
            if not objects:
                continue
            members = await _readable(self._targets.linked(self._catalog.get(GROUPS), group, MEMBERS))
            inner = None if members is None else {text(one) for one in members}
            found[group] = {**objects[0], MEMBERS: None if inner is None else [*sorted(inner)]}
            todo.extend(sorted(inner.intersection(counting) if inner else ()))
        return found

    async def _groups_of(self, one: str) -> set[str] | None:
        """Ids of the groups (and roles and units) that one is in, through others, too."""
        # Whoever is linked and neither an account nor a group isn't there as a group, and in none that matters.
        spec = self._catalog.get(USERS if one in map(text, self._accounts) else GROUPS)
        path = f"{spec.list_path}/{quote(one, safe='')}/transitiveMemberOf?$select=id&$top=999"
        found = await _readable(self._targets.lookups(spec, [path]))
        if found is None:
            return None
        return {text(item.get("id")) for item in found[0] or ()}


async def _readable(reading: Awaitable[T]) -> T | None:
    """None for what Graph refuses."""
    try:
        return await reading
    except GraphError:
        return None
