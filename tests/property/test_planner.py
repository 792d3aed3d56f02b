"""For any incident: a plan that is the same twice, never deletes, never overwrites what it didn't see, waits for
what it needs, and, carried out on the model, leaves nothing more to do but what it lists.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.registry import CATALOG
from shared.domain.objects import Json
from shared.domain.plan import ExpectedId, Mechanism, Operation, Reason, RestorePlan
from shared.engines.compare import Form
from shared.engines.markers import Bindings, ids_in, resolve
from shared.engines.wire import encode
from tests.unit.views import (
    Tenant,
    application,
    bins,
    break_glass,
    group,
    guid,
    location,
    make_plan,
    policy,
    service_principal,
    user,
)

ACCOUNTS = (guid("glass1"), guid("glass2"))
Held = dict[str, dict[str, dict[str, Any]]]


@st.composite
def snapshots(draw: st.DrawFn) -> Tenant:
    tenant = Tenant()
    break_glass(tenant)
    people = [user(tenant, f"user{n}", department=draw(st.sampled_from([None, "Sales"]))) for n in range(4)]
    groups = []
    for number in range(draw(st.integers(0, 3))):
        dynamic = draw(st.booleans())
        members = draw(st.lists(st.sampled_from([*people, *groups]), unique=True, max_size=4))
        rule = (
            {"groupTypes": ["DynamicMembership"], "membershipRule": "x", "membershipRuleProcessingState": "On"}
            if dynamic
            else {}
        )
        groups.append(group(tenant, f"group{number}", members, **rule))
    for person in draw(st.lists(st.sampled_from(people), unique=True, max_size=3)):
        manager = draw(st.sampled_from(people))
        if manager != person:
            tenant.link("users.manager", person, manager)
    apps = [f"app{number}" for number in range(draw(st.integers(0, 3)))]
    for name in apps:
        named = draw(st.lists(st.sampled_from(apps), unique=True, max_size=2))
        key, app_id = application(
            tenant,
            name,
            requiredResourceAccess=[{"resourceAppId": guid(f"appId of {other}")} for other in named],
            passwordCredentials=[{"keyId": "k"}] if draw(st.booleans()) else [],
        )
        resource = service_principal(tenant, name, app_id)
        if draw(st.booleans()):
            tenant.add("federatedIdentityCredentials", guid(f"fic {name}"), parent=key, name="fic", subject="s")
        if draw(st.booleans()):
            person = draw(st.sampled_from(people))
            tenant.link("applications.owners", key, person)
            tenant.add(
                "appRoleAssignments",
                f"assignment of {name}",
                parent=resource,
                principalId=person,
                resourceId=resource,
                appRoleId=guid("role"),
            )
    places = [location(tenant, f"place{number}") for number in range(draw(st.integers(0, 2)))]
    for number in range(draw(st.integers(0, 3))):
        excluded = draw(st.lists(st.sampled_from(groups), unique=True, max_size=2)) if groups else []
        policy(
            tenant,
            f"policy{number}",
            state=draw(st.sampled_from(["enabled", "disabled", "enabledForReportingButNotEnforced"])),
            includeUsers=draw(st.sampled_from([["All"], people[:2]])),
            excludeGroups=[*excluded, *([guid("glass")] if draw(st.booleans()) else [])],
            excludeUsers=list(ACCOUNTS) if draw(st.booleans()) else [],
            locations={"includeLocations": ["All"], "excludeLocations": places},
        )
    return tenant


@st.composite
def incidents(draw: st.DrawFn) -> tuple[Tenant, Tenant, Held]:
    before = draw(snapshots())
    after = before.copy()
    binned: dict[str, list[dict[str, Any]]] = {}
    for type_name in [
        "users",
        "groups",
        "applications",
        "servicePrincipals",
        "namedLocations",
        "conditionalAccessPolicies",
    ]:
        keys = [key for key in sorted(after.objects.get(type_name, {})) if key not in ACCOUNTS]
        if not keys:
            continue
        for key in draw(st.lists(st.sampled_from(keys), unique=True, max_size=3)):
            item = after.remove(type_name, key)
            if draw(st.booleans()):
                binned.setdefault(type_name, []).append(item)
    for type_name, member, values in [
        ("users", "department", [None, "Evil"]),
        ("groups", "description", ["Evil"]),
        ("conditionalAccessPolicies", "state", ["enabled", "disabled"]),
        ("conditionalAccessPolicies", "displayName", ["Evil"]),
        ("namedLocations", "isTrusted", [False]),
    ]:
        for item in after.objects.get(type_name, {}).values():
            if item["id"] not in ACCOUNTS and draw(st.booleans()):
                item[member] = draw(st.sampled_from(values))
    for held in after.links.values():
        for pair in sorted(held):
            if pair[0] != guid("glass") and draw(st.booleans()):
                del held[pair]
    if draw(st.booleans()):
        taken = f"user{draw(st.integers(0, 3))}@contoso.example"
        if all(one["userPrincipalName"] != taken for one in after.objects["users"].values()):
            user(after, "evil", userPrincipalName=taken)
    return before, after, bins(**binned)


def plan_of(before: Tenant, after: Tenant, held: Held) -> RestorePlan:
    return asyncio.run(make_plan(before, after, held=held, accounts=ACCOUNTS))


@given(incidents())
def test_a_plan_is_the_same_twice_never_deletes_and_waits_for_what_it_needs(
    incident: tuple[Tenant, Tenant, Held],
) -> None:
    before, after, held = incident
    plan = plan_of(before, after, held)
    assert encode(plan) == encode(plan_of(before.copy(), after.copy(), copy.deepcopy(held)))
    operations = {operation.id: operation for operation in plan.operations}
    assert len(operations) == len(plan.operations)
    live = {key for objects in after.objects.values() for key in objects}
    brought = {one.target for one in plan.operations if one.mechanism in (Mechanism.BIN, Mechanism.CREATE)}
    seen: set[str] = set()
    waits: dict[str, set[str]] = {}
    for step in plan.steps:
        assert set(step.depends_on) <= waits.keys()
        waits[step.id] = {*step.depends_on}.union(*(waits[other] for other in step.depends_on))
        assert len({operation.target for operation in step.operations}) == len(step.operations) <= 20
        for operation in step.operations:
            assert operation.request.method in ("POST", "PATCH", "PUT")
            assert set(operation.after) <= seen
            for old in _named(operation):
                assert old in plan.new_ids or old in live or old in brought
            if operation.mechanism is not Mechanism.CREATE and operation.target in brought:
                assert operation.mechanism is Mechanism.BIN or operation.after
        seen |= {operation.id for operation in step.operations}


def _named(operation: Operation) -> Iterator[str]:
    for value in (operation.request.path, operation.request.body, operation.read):
        yield from ids_in(value)


@given(snapshots())
def test_a_plan_of_a_tenant_against_itself_is_empty(tenant: Tenant) -> None:
    plan = plan_of(tenant, tenant.copy(), bins())
    assert (plan.steps, plan.conflicts, plan.exclusions, plan.new_ids) == ((), (), (), {})


@given(incidents())
def test_a_plan_carried_out_leaves_nothing_to_do_but_what_it_lists(
    incident: tuple[Tenant, Tenant, Held],
) -> None:
    before, after, held = incident
    plan = plan_of(before, after, held)
    result = after.copy()
    ids: dict[str, str] = {}
    for operation in plan.operations:
        carry_out(operation, before, result, held, ids)
    told = {(one.type, one.target) for one in plan.exclusions} | {(one.type, one.target) for one in plan.conflicts}
    links_told = {(one.type, one.target, one.member) for one in plan.exclusions}
    for type_name, objects in before.objects.items():
        spec = CATALOG.get(type_name)
        form = Form(spec)
        for old, item in objects.items():
            if (type_name, old) in told:
                continue
            got = result.objects[type_name][ids.get(old, old)]
            for member in spec.restorable:
                wanted = renewed(item.get(member), ids)
                assert form.same(member, got.get(member), wanted), (type_name, member)
    for relationship, held_links in before.links.items():
        type_name, _, member = relationship.partition(".")
        for source, target in held_links:
            if (type_name, source, member) in links_told or (type_name, source) in told:
                continue
            pair = (ids.get(source, source), ids.get(target, target))
            assert pair in result.links.get(relationship, {}), (relationship, source, target)


def renewed(value: Json, ids: dict[str, str]) -> Json:
    if isinstance(value, str):
        for old, new in ids.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, list):
        return [renewed(item, ids) for item in value]
    if isinstance(value, dict):
        return {name: renewed(item, ids) for name, item in value.items()}
    return value


def carry_out(operation: Operation, before: Tenant, tenant: Tenant, held: Held, ids: dict[str, str]) -> None:
    """What Graph would do, on the model. Refuses what Graph refuses: ids that aren't there, values that moved."""
    bindings = Bindings(ids, frozenset(), "", {operation.target: "secret"})
    target = ids.get(operation.target, operation.target)
    spec = CATALOG.get(operation.type)
    body = resolve(operation.request.body, bindings)
    if operation.mechanism is Mechanism.BIN:
        item = copy.deepcopy(held[operation.type][operation.target])
        if operation.type == "namedLocations":
            item["isTrusted"] = False
        tenant.objects.setdefault(operation.type, {})[target] = item
    elif operation.mechanism is Mechanism.CREATE:
        assert isinstance(body, dict)
        back = operation.expected_id is ExpectedId.KEPT
        for member, old in operation.ids.items():
            ids[old] = old if back else guid(f"new {member} of {operation.target}")
        item = {name: value for name, value in body.items() if name != "passwordProfile"}
        item.update({member: ids[old] for member, old in operation.ids.items()})
        tenant.objects.setdefault(operation.type, {})[ids[operation.target]] = item
    elif operation.mechanism is Mechanism.LINK:
        targets = operation.wanted[operation.relationship]
        assert isinstance(targets, list)
        relationship = f"{operation.type}.{operation.relationship}"
        if not spec.relationship(operation.relationship).many:
            for pair in [pair for pair in tenant.links.get(relationship, {}) if pair[0] == target]:
                assert pair[1] in (operation.before[operation.relationship] or [])  # type: ignore[operator]
                tenant.unlink(relationship, *pair)
        for old in targets:
            new = ids.get(str(old), str(old))
            assert any(new in objects for objects in tenant.objects.values())
            tenant.link(relationship, target, new)
    else:
        item = tenant.get(operation.type, target)
        form = Form(spec)
        for member, value in operation.before.items():
            assert form.same(member, item.get(member), resolve(value, bindings)), (operation.type, member)
        assert isinstance(body, dict)
        item.update(body)
        if "conditions" in body:
            _check_policy(item, tenant)


def _check_policy(item: dict[str, Any], tenant: Tenant) -> None:
    users = item["conditions"]["users"]
    for member, type_name in [("excludeGroups", "groups"), ("excludeUsers", "users"), ("includeUsers", "users")]:
        for key in users.get(member, []):
            assert key == "All" or key in tenant.objects[type_name], "Graph refuses ids that are not there"


@given(incidents())
def test_whatever_may_act_excludes_every_break_glass_account_or_is_about_others(
    incident: tuple[Tenant, Tenant, Held],
) -> None:
    before, after, held = incident
    plan = plan_of(before, after, held)
    off = {one.target for one in plan.exclusions if one.reason is Reason.LOCK_OUT_GUARD}
    glass_stands = guid("glass") in after.objects["groups"]
    for operation in plan.operations:
        if operation.type != "conditionalAccessPolicies" or operation.mechanism is Mechanism.BIN:
            continue
        body = operation.request.body
        assert isinstance(body, dict)
        if body.get("state") == "enabled":
            assert operation.guarded
            assert operation.target not in off
            users = before.get(operation.type, operation.target)["conditions"]["users"]
            by_id = set(ACCOUNTS) <= set(users["excludeUsers"])
            others = users["includeUsers"] != ["All"]
            assert by_id or others or (guid("glass") in users["excludeGroups"] and glass_stands)
