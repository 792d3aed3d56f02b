"""The simulated tenant as evidence: independent of the product, every rule sourced, every path permitted."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tests.simulator
from tests.reference import ABSENT
from tests.simulator import server, service
from tests.simulator.inprocess import InProcessTenant
from tests.simulator.plain import ROWS
from tests.simulator.rules.behaviour import BEHAVIOUR
from tests.simulator.rules.permissions import PERMISSIONS
from tests.simulator.rules.types import TYPES
from tests.simulator.schema import load, shape
from tests.simulator.seeds_real import reference_folder

FOLDER = Path(tests.simulator.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))


def test_the_simulator_imports_nothing_of_the_product() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [n for n in names if n.split(".")[0] in ("shared", "functions", "function_app")], path


def test_every_rule_has_a_statement_and_a_public_source() -> None:
    for rule in BEHAVIOUR:
        assert rule.statement.endswith("."), rule.id
        assert "learn.microsoft.com" in rule.source or rule.source == "Microsoft Graph metadata v1.0", rule.id
    assert any(rule.unverified for rule in BEHAVIOUR)
    for rule in TYPES.values():
        assert rule.source.startswith("https://learn.microsoft.com/"), rule.table


def test_every_rule_that_the_code_leans_on_is_in_the_book_and_the_other_way_round() -> None:
    used = {
        found
        for path in SOURCES
        for found in re.findall(r'lean\("([^"]+)"\)|"(throttle\.[a-z-]+)"', path.read_text(encoding="utf-8"))
        for found in found
        if found
    }
    known = {rule.id for rule in BEHAVIOUR}
    assert used - known == set()
    assert {r.id for r in BEHAVIOUR if r.unverified} - used == set()


def test_every_route_has_a_permission() -> None:
    assert server.OPERATIONS
    routes = {(method, template) for method, _, template, _ in service._ROUTES}
    assert routes - set(PERMISSIONS) == set()
    assert set(PERMISSIONS) - routes == set()


def test_every_property_that_a_type_rule_names_is_in_the_sdk_or_the_supplement() -> None:
    for rule in TYPES.values():
        row = ROWS.get(rule.table)
        models = (rule.model, *(row.kinds.values() if row else ()))
        known = {name for model in models for name in shape(load(model)).properties} | set(
            row.inline if row else ()
        )
        named = {*rule.required, *rule.read_only, *rule.write_once, *rule.secret, *(rule.default_select or ())}
        named |= {*rule.only_on_select, *rule.only_on_single_get, *rule.unique, *rule.alternate_keys}
        assert named - known - {"@odata.type"} == set(), rule.table


@pytest.mark.parametrize("seed", ["small", "2000"])
def test_a_seed_is_the_same_every_time(seed: str) -> None:
    first, second = InProcessTenant.planted(seed).store, InProcessTenant.planted(seed).store
    assert first.tables == second.tables
    assert first.forward == second.forward


def test_the_small_seed_is_the_tenant_of_the_budgets() -> None:
    tables = InProcessTenant.planted("small").store.tables
    sizes = [len(tables[t]) for t in ("users", "groups", "applications", "servicePrincipals")]
    assert sizes == [50, 30, 20, 200]
    assert len(tables["conditionalAccessPolicies"]) == 10


def test_a_seed_of_n_users_has_all_kinds() -> None:
    tenant = InProcessTenant.planted("2000")
    store, tables = tenant.store, tenant.store.tables
    assert (len(tables["users"]), len(tables["groups"]), len(tables["applications"])) == (2000, 400, 60)
    assert len(tables["servicePrincipals"]) == 120
    assert any("DynamicMembership" in g["groupTypes"] for g in tables["groups"].values())
    assert any(u["userType"] == "Guest" for u in tables["users"].values())
    assert any(m in tables["groups"] for ms in store.forward["groups.members"].values() for m in ms)
    assert any("\u2028" in u["displayName"] for u in tables["users"].values())
    assert any("<script>" in u["displayName"] for u in tables["users"].values())
    assert tables["federatedIdentityCredentials"]
    assert tables["appRoleAssignments"]
    group = tenant.service.info["breakGlassGroupId"]
    assert set(store.targets("groups.members", group)) == set(tenant.service.info["breakGlassIds"])
    for held in tables["conditionalAccessPolicies"].values():
        assert group in held["conditions"]["users"]["excludeGroups"]


def test_a_seed_with_the_real_data_holds_all_of_it() -> None:
    if reference_folder() is None:
        pytest.skip(ABSENT)
    small, real = InProcessTenant.planted("small").store, InProcessTenant.planted("small+real").store
    more = {t: len(real.tables[t]) - len(small.tables[t]) for t in ("conditionalAccessPolicies", "namedLocations")}
    assert more == {"conditionalAccessPolicies": 36, "namedLocations": 3}
    assert len(real.tables["groups"]) == 34 + 30


async def test_the_statistics_name_the_unverified_rules_that_were_used() -> None:
    tenant = InProcessTenant.planted("small")
    user = tenant.store.order["users"][0]
    await tenant.patch(f"/users/{user}", {"id": user})
    stats = (await tenant.get("/_sim/stats")).json()
    assert "write.read-only" in {r["id"] for r in stats["unverifiedRules"]}
    assert stats["operationsByPath"] == {"PATCH /users/{id}": 1}
    await tenant.post("/_sim/stats/reset")
    assert (await tenant.get("/_sim/stats")).json()["unverifiedRules"] == []
