"""A tenant of 20,000 users over real HTTP, in the worst weather and with people at work in it while it is read: the
snapshot equals the tenant's own tables where it says `complete`, and names every lack with its reason.

The tenant is a process of its own, so that answers cut short, dead connections and tokens come over a socket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.adapters.clock import RandomIds
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits as Pacing
from shared.domain.ports import Directory, GraphRequest
from shared.domain.snapshot import State
from tests.backup import Backup, with_limits
from tests.scenario.test_export_http import ROLES, TenantClock, Watched
from tests.scenario.test_faults_at_size import lacks_of, rule
from tests.simulator.client import ControlClient, SimulatorProcess
from tests.token_service import SimulatedIdentity

Obj = dict[str, Any]
Work = Callable[[], list[Obj]]  # gives the requests of it
pytestmark = pytest.mark.full

USERS = 20_000
PLACES = "identity/conditionalAccess/namedLocations"
STORM = [
    rule({"status": 429}, probability=0.1, seed=1),
    rule({"status": 429, "headers": {"Retry-After": "17"}}, probability=0.1, seed=2),
    rule({"status": 503}, probability=0.1, seed=3),
    rule({"truncateBody": 300}, probability=0.03, seed=4),
    rule({"dropConnectionBeforeCommit": True}, probability=0.02, seed=5),
    rule({"dropConnectionAfterCommit": True}, probability=0.02, seed=6),
    rule({"expirePageToken": True}, "/users$", nth=30),
    rule({"expirePageToken": True}, "/groups$", nth=12),
    rule({"expireDeltaToken": True}, "/delta$", queryRegex="deltatoken=(?!latest)", nth=1),
]


@pytest.fixture
def tenant() -> Iterator[SimulatorProcess]:
    with SimulatorProcess.start(seed=str(USERS)) as running:
        running.settings(listEmptyPages=0.1, listPageCap=200, lag=45.0)
        yield running


class Crowd:
    """People at work in the tenant: `at` says who begins at the n-th page of which listing; who is in `always`
    comes back for each page of it. A page is read a minute later, when every replica shows what they did."""

    def __init__(
        self,
        tenant: ControlClient,
        clock: TenantClock,
        *,
        at: dict[tuple[str, int], Work],
        always: dict[str, Work],
    ) -> None:
        self._tenant = tenant
        self._clock = clock
        self._pages: Counter[str] = Counter()
        self.at = at  # who has not been there yet
        self._always = always

    def around(self, inner: Directory) -> Directory:
        return Watched(inner, self.come)

    def come(self, request: GraphRequest) -> None:
        path = request.path.partition("?")[0]
        self._pages[path] += 1
        for work in (self.at.pop((path, self._pages[path]), None), self._always.get(path)):
            if work is not None:
                answers = self._tenant.incident(work())
                assert not answers["failed"], [one for one in answers["responses"] if one["status"] >= 400]
                self._clock.advance(60.0)


class Office:
    """What the people do. Names are never given twice, so that an old one that is kept shows."""

    def __init__(self, tenant: SimulatorProcess) -> None:
        self._tenant = tenant
        self._names = 0
        spared = {*tenant.break_glass_ids}
        own = [one for one in tenant.objects("users") if not one.get("onPremisesSyncEnabled")]
        self.people = sorted(one["id"] for one in own if one["id"] not in spared)
        self.groups = sorted(one["id"] for one in tenant.objects("groups") if _by_hand(one))

    def rename(self, path: str, keys: list[str], **more: str) -> list[Obj]:
        requests = []
        for key in keys:
            self._names += 1
            body = {"displayName": f"Renamed meanwhile {self._names}", **more}
            requests.append({"method": "PATCH", "url": f"/v1.0/{path}/{key}", "body": body})
        return requests

    def leave(self, count: int) -> list[Obj]:
        """Users who go: the last of the listing, which is still to be read, and the first, which was."""
        half = count // 2
        gone = self.people[:half] + self.people[-half:]
        self.people = self.people[half:-half]
        return [{"method": "DELETE", "url": f"/v1.0/users/{key}"} for key in gone]

    def join(self, count: int) -> list[Obj]:
        requests = []
        for _ in range(count):
            self._names += 1
            name = f"new-{self._names}"
            body = {
                "accountEnabled": True,
                "displayName": f"Came meanwhile {self._names}",
                "mailNickname": name,
                "userPrincipalName": f"{name}@{self._domain()}",
                "passwordProfile": {"password": "Unl1kely-to-be-kept!"},
            }
            requests.append({"method": "POST", "url": "/v1.0/users", "body": body})
        return requests

    def _domain(self) -> str:
        domains = self._tenant.objects("organization")[0]["verifiedDomains"]
        return str(next(one["name"] for one in domains if one.get("isDefault")))

    def regroup(self, count: int) -> list[Obj]:
        """One member out and another in, in groups from both ends of the listing."""
        groups = {one["id"]: one["_links"].get("members", ()) for one in self._tenant.objects("groups")}
        requests = []
        for number, key in enumerate(self.groups[: count // 2] + self.groups[-count // 2 :]):
            url = f"/v1.0/groups/{key}/members"
            requests += [{"method": "DELETE", "url": f"{url}/{one}/$ref"} for one in groups[key][:1]]
            newcomer = next(one for one in self.people[number:] if one not in groups[key])
            body = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{newcomer}"}
            requests.append({"method": "POST", "url": f"{url}/$ref", "body": body})
        return requests

    def ids(self, table: str, count: int) -> list[str]:
        return sorted(one["id"] for one in self._tenant.objects(table))[:count]


def _by_hand(group: Obj) -> bool:
    """Neither by a rule nor in the directory at home nor by mail."""
    if group.get("membershipRule") or group.get("onPremisesSyncEnabled"):
        return False
    return not group.get("mailEnabled") or "Unified" in group.get("groupTypes", ())


def at_work(office: Office, tenant: ControlClient, clock: TenantClock) -> Crowd:
    """Whoever changes users, groups and applications comes while these are read. A named location is renamed
    again and again, so that each reading shows another name."""
    place = tenant.objects("namedLocations")[0]
    kind = {"@odata.type": place["@odata.type"]}
    return Crowd(
        tenant,
        clock,
        at={
            ("/v1.0/users", 3): lambda: office.leave(60),
            ("/v1.0/users", 20): lambda: office.join(30),
            ("/v1.0/users", 50): lambda: office.rename("users", office.people[:40] + office.people[-40:]),
            ("/v1.0/users", 90): lambda: office.join(10),
            ("/v1.0/groups", 3): lambda: office.regroup(60),
            ("/v1.0/groups", 9): lambda: office.rename("groups", office.groups[:20] + office.groups[-20:]),
            ("/v1.0/applications", 2): lambda: office.rename("applications", office.ids("applications", 20)),
        },
        always={f"/beta/{PLACES}": lambda: office.rename(PLACES, [place["id"]], **kind)},
    )


async def test_twenty_thousand_users_over_http_in_a_storm_and_at_work(tenant: SimulatorProcess) -> None:
    clock = TenantClock(tenant)
    identity = SimulatedIdentity(tenant, ROLES, clock, life=420.0, silent=7)
    graph = GraphDirectory.open(tenant.url, identity, clock=clock, ids=RandomIds(), limits=Pacing(clock))
    crowd = at_work(Office(tenant), tenant, clock)
    limits = with_limits(pack_bytes=2_000_000, replication_wait=60.0)
    backup = Backup(directory=crowd.around(graph), clock=clock, limits=limits)  # type: ignore[arg-type]
    tenant.faults([*STORM, rule({"status": 403}, "/groupSettings$")])
    try:
        await backup.back_up()
    finally:
        await graph.close()
    snapshot = await backup.repository().open()
    lacks = await lacks_of(tenant, snapshot)
    assert {name: (one.state, one.reason) for name, one in lacks.items()} == {
        "namedLocations": (State.PARTIAL, "moving"),
        "groupSettings": (State.NOT_PERMITTED, "Authorization_RequestDenied"),
    }
    assert (await backup.verify()).good
    # All of it happened: whoever was expected at work was, each fault struck, tokens ended.
    assert crowd.at == {}
    assert snapshot.manifest.types["users"].count == len(tenant.objects("users")) > USERS - 60
    assert all(one["fired"] for one in tenant.fault_report()), tenant.fault_report()
    statuses = tenant.stats()["statuses"]
    assert all(int(statuses[status]) > least for status, least in (("429", 200), ("503", 100), ("401", 3)))
    assert identity.issued > 10
