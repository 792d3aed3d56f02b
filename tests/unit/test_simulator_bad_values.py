"""Nothing that a client sends makes the simulated tenant itself fail: it answers, and stays readable."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant
from tests.simulator.rules.types import TYPES
from tests.simulator.schema import load, shape
from tests.simulator.server import Application
from tests.unit.test_simulator_conditional_access import LOCATIONS, POLICIES, ip_location, policy
from tests.unit.test_simulator_writing import new_group, new_user

VALUES: tuple[Any, ...] = (
    None,
    "x",
    "",
    1,
    True,
    [],
    {},
    ["x"],
    [{}],
    [None],
    {"id": "x"},
    [{"id": "x", "isEnabled": 1}],
)
CREATES: dict[str, tuple[str, dict[str, Any]]] = {
    "users": ("/users", new_user()),
    "groups": ("/groups", new_group()),
    "applications": ("/applications", {"displayName": "x"}),
    "servicePrincipals": ("/servicePrincipals", {"appId": "00000000-0000-4000-8000-00000000dead"}),
    "conditionalAccessPolicies": (f"/beta{POLICIES}", policy()),
    "namedLocations": (f"/beta{LOCATIONS}", ip_location()),
}
LISTS = (
    "/users",
    "/groups?$expand=members",
    "/applications",
    "/servicePrincipals",
    f"/beta{POLICIES}",
    f"/beta{LOCATIONS}",
)


@pytest.mark.parametrize("table", sorted(CREATES))
async def test_every_property_with_every_kind_of_value(table: str) -> None:
    tenant = InProcessTenant.planted("small")
    path, body = CREATES[table]
    names = [*shape(load(TYPES[table].model)).properties, "nonsense", "members@odata.bind", "owners@odata.bind"]
    existing = tenant.store.order[table][0]
    answered = 0
    for name in names:
        for value in VALUES:
            made = await tenant.post(path, {**body, name: value, "displayName": f"{name} {answered}"})
            changed = await tenant.patch(f"{path}/{existing}", {name: value})
            assert made.status_code < 500
            assert changed.status_code < 500
            answered += 1
    assert answered == len(names) * len(VALUES)
    for listing in LISTS:
        assert await tenant.everything(listing)


@pytest.mark.parametrize("section", ["conditions", "grantControls", "sessionControls"])
async def test_every_member_of_a_policy_with_every_kind_of_value(section: str) -> None:
    tenant = InProcessTenant.planted("small")
    known = shape(load(TYPES["conditionalAccessPolicies"].model)).properties[section].model
    assert known is not None
    for name, prop in shape(known).properties.items():
        inner = [*shape(prop.model).properties] if prop.kind == "complex" and prop.model is not None else []
        for value in VALUES:
            bodies = [{name: value}, *({name: {member: value}} for member in inner)]
            for body in bodies:
                whole = policy()
                whole[section] = {**(whole.get(section) or {}), **body}
                assert (await tenant.post(f"/beta{POLICIES}", whole)).status_code in (201, 400)
    assert await tenant.everything(f"/beta{POLICIES}")


@pytest.mark.parametrize(
    "query",
    [
        "$filter=",
        "$filter=displayName",
        "$filter=displayName eq",
        "$filter=(displayName eq 'x'",
        "$filter=displayName like 'x'",
        "$filter=startswith(displayName)",
        "$filter=groupTypes/any(",
        "$select=",
        "$expand=members($levels=max)",
        "$top=abc",
        "$skiptoken=unknown",
        "$skip=5",
        "$search=x",
    ],
)
async def test_malformed_queries_are_refused(query: str) -> None:
    tenant = InProcessTenant.planted("small")
    assert (await tenant.get(f"/groups?{query}")).status_code == 400


@pytest.mark.parametrize("body", ["[]", "null", "{", "5", '"x"', "\ud800"])
async def test_bodies_that_are_no_object_are_refused(body: str) -> None:
    tenant = InProcessTenant.planted("small")
    answers: list[int] = []
    token = tenant._token

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.encode("utf-8", "surrogatepass"), "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    for path in ("/v1.0/users", "/v1.0/groups", "/v1.0/$batch", "/v1.0/applications"):
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
        await Application(tenant.service)(scope, receive, send)
    assert answers == [400] * 4
