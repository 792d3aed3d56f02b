"""What the simulated tenant shows can be created anew once the documented read-only members are taken off.

Guards against rules that are stricter than Graph: a restore that follows the documentation must succeed.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant
from tests.simulator.rules.types import TYPES


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("300")


def writable(table: str, shown: dict[str, Any]) -> dict[str, Any]:
    rule = TYPES[table]
    return {
        k: v
        for k, v in shown.items()
        if k not in rule.read_only and v is not None and v != [] and not k.startswith("@odata.")
    }


async def every_property(tenant: InProcessTenant, table: str, key: str) -> dict[str, Any]:
    rule = TYPES[table]
    names = [n for n in tenant.store.tables[table][key] if not n.startswith("_")]
    names = [n for n in names if n not in rule.only_on_single_get and n != "createdByAppId"]
    shown: dict[str, Any] = (await tenant.get(f"/{table}/{key}?$select={','.join(names)}")).json()
    return shown


async def purge(tenant: InProcessTenant, table: str, key: str) -> None:
    await tenant.post("/_sim/incident", {"requests": [{"op": "purge", "type": table, "id": key}]})


async def test_users(tenant: InProcessTenant) -> None:
    for key in tenant.store.order["users"][:60]:
        shown = await every_property(tenant, "users", key)
        await purge(tenant, "users", key)
        body = writable("users", shown)
        if "onPremisesImmutableId" in body:
            continue  # synced users come back by the sync
        body["passwordProfile"] = {"password": "a fresh password", "forceChangePasswordNextSignIn": True}
        answer = await tenant.post("/users", body)
        assert answer.status_code == 201, (body, answer.text)
        again = await every_property(tenant, "users", answer.json()["id"])
        assert writable("users", again) == {k: v for k, v in body.items() if k != "passwordProfile"}


async def test_groups(tenant: InProcessTenant) -> None:
    for key in tenant.store.order["groups"]:
        shown = await every_property(tenant, "groups", key)
        await purge(tenant, "groups", key)
        body = writable("groups", shown)
        answer = await tenant.post("/groups", body)
        assert answer.status_code == 201, (body, answer.text)
        again = await every_property(tenant, "groups", answer.json()["id"])
        assert writable("groups", again) == body


async def test_applications_with_a_new_app_id(tenant: InProcessTenant) -> None:
    for key in tenant.store.order["applications"]:
        shown = await every_property(tenant, "applications", key)
        await purge(tenant, "applications", key)
        body = writable("applications", shown)
        uris = body.pop("identifierUris", [])
        body["info"] = {**body["info"], "logoUrl": None}  # a logo is put by itself
        answer = await tenant.post("/applications", body)
        assert answer.status_code == 201, (body, answer.text)
        made = answer.json()
        fresh = [uri.replace(shown["appId"], made["appId"]) for uri in uris]
        if uris:
            path = f"/applications/{made['id']}"
            assert (await tenant.patch(path, {"identifierUris": uris})).status_code == 400
            assert (await tenant.patch(path, {"identifierUris": fresh})).status_code == 204
        again = await every_property(tenant, "applications", made["id"])
        assert writable("applications", again) == {**body, **({"identifierUris": fresh} if fresh else {})}
        assert (await tenant.post("/servicePrincipals", {"appId": made["appId"]})).status_code == 201


async def test_service_principals_of_other_tenants(tenant: InProcessTenant) -> None:
    own = {a["appId"] for a in tenant.store.tables["applications"].values()}
    others = [s for s in tenant.store.tables["servicePrincipals"].values() if s["appId"] not in own]
    assert others
    for held in others:
        shown = await every_property(tenant, "servicePrincipals", held["id"])
        await purge(tenant, "servicePrincipals", held["id"])
        answer = await tenant.post("/servicePrincipals", writable("servicePrincipals", shown))
        assert answer.status_code == 201, answer.text
        assert answer.json()["appRoles"] == held["appRoles"]
