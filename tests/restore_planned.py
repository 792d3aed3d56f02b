"""A restore from end to end in one process: read, damage, plan with the real planner, run, verify."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.errors import Unusable
from shared.domain.objects import JsonObject, ObjectKey
from shared.domain.plan import RestorePlan, Scope
from shared.engines.bins import read_bins
from shared.engines.confirm import Confirmation, Confirmed
from shared.engines.journal import Journal, PlanProgress
from shared.engines.live import read_live
from shared.engines.plan_making import SnapshotPlanMaker
from shared.engines.planner import plan_restore
from shared.engines.report import Report
from shared.engines.restore_requests import PlanRequest
from shared.engines.view import PackedView, View
from tests.restore_world import (
    EVIDENCE_KEY,
    ORIGIN,
    PLAN,
    PLAN_KEY,
    WRITER,
    Damage,
    World,
    approvers_document,
    objects,
    start,
    store_approvers,
    tenant,
)
from tests.simdirectory import SimDirectory, scripted
from tests.simulator.auth import Principal
from tests.simulator.control import run
from tests.simulator.service import Service

SNAPSHOT = "20261122T000000Z-full"
MANIFEST = "5" * 64
UNDO = "pabcdef0123456789abcdef0"


class Snapshot(PackedView):
    """A reading of the tenant that stands for a committed snapshot."""

    manifest_sha256 = MANIFEST

    @classmethod
    def of(cls, view: PackedView) -> Snapshot:
        return cls(view._store, view._folder, view.manifest, SNAPSHOT)


def directory(service: Service, clock: ManualClock, roles: frozenset[str] = WRITER) -> SimDirectory:
    return SimDirectory(service, clock, Principal("holdfast-backup", "holdfast-backup", roles))


async def read(service: Service, clock: ManualClock) -> PackedView:
    """What reading costs in simulated time is given back, so that a test's clock says what the restore took."""
    return await read_as(service, clock, WRITER)


async def read_as(
    service: Service, clock: ManualClock, roles: frozenset[str], opt_in: tuple[str, ...] = ()
) -> PackedView:
    """What an app with these permissions sees."""
    return await read_live(
        directory(service, clock, roles),
        CATALOG,
        MemoryBlobStore("scratch"),
        clock,
        tenant=service.tenant_id,
        opt_in=opt_in,
    )


@dataclass
class Planned:
    world: World
    snapshot: Snapshot

    async def run(self) -> None:
        await self.begin()
        await self.world.process().drain()

    async def instead(self, plan: RestorePlan) -> Planned:
        """The same tenant with another approved plan, kept apart from the first one's evidence."""
        self.world = await with_plan(self.world.clock, self.world.service, plan)
        return self

    async def go_on(self, plan: RestorePlan) -> None:
        """Another plan of the same tenant, stored beside the first."""
        self.world.plan = plan
        await self.world.approve()
        await self.run()

    async def begin(self) -> None:
        """Messages for the steps that wait for nothing."""
        for step in self.world.plan.steps:
            if not step.depends_on:
                await start(self.world, step.id)

    async def progress_of(self, plan: RestorePlan) -> PlanProgress:
        stored = await self.world.view().load_plan(plan.id)
        return PlanProgress(Journal(self.world.view()), stored.plan, stored.digest)

    def confirmation(self, *, evidence: Any = None, **changes: Any) -> Confirmation:
        @asynccontextmanager
        async def open_live() -> AsyncIterator[View]:
            yield await read(self.world.service, self.world.clock)

        async def open_snapshot(name: str) -> Snapshot:
            assert name == SNAPSHOT
            return self.snapshot

        given: dict[str, Any] = {
            "evidence": evidence or self.world.view(),
            "open_snapshot": open_snapshot,
            "open_live": open_live,
            "catalog": CATALOG,
            "signer": EVIDENCE_KEY,
            "clock": self.world.clock,
            "rows": self.world.rows,
        }
        return Confirmation(**{**given, **changes})

    async def confirm(self) -> Confirmed:
        """Asks until there is an answer."""
        confirmation = self.confirmation()
        for _ in range(100):
            confirmed = await confirmation.confirm(self.world.plan.id)
            if confirmed.report is not None or not confirmed.delay:
                return confirmed
            self.world.clock.advance(confirmed.delay)
        raise AssertionError("the verification never ends")

    async def report(self, *, settled: bool = True) -> Report:
        """`settled`: long after the last write, when the replicas agree and no difference is put down to them."""
        if settled:
            self.world.clock.advance(721)
        confirmed = await self.confirm()
        assert confirmed.report is not None, confirmed.why
        return confirmed.report


async def make_plan(
    service: Service,
    snapshot: Snapshot,
    clock: ManualClock,
    *,
    plan_id: str = PLAN,
    scope: Scope | None = None,
    known_ids: Mapping[str, str] | None = None,
    own_apps: tuple[str, ...] = (),
    known: frozenset[str] = frozenset(),
    seen: Mapping[ObjectKey, JsonObject] | None = None,
    source_tenant: str = "",
) -> RestorePlan:
    """What the planner makes of the tenant as it is now. `known`: live ids that a later snapshot holds."""
    live = await read(service, clock)

    async def created_by(object_id: str) -> str:
        return f"somebody made {object_id}"

    async def vouched(asked: Mapping[str, Iterable[str]]) -> dict[str, str]:
        return {one: "a later snapshot holds it" for ids in asked.values() for one in ids if one in known}

    return await plan_restore(
        snapshot,
        live,
        await read_bins(directory(service, clock), CATALOG),
        CATALOG,
        scope=scope or Scope(),
        break_glass_ids=service.info["breakGlassIds"],
        created_by=created_by,
        plan_id=plan_id,
        tenant=service.tenant_id,
        manifest_sha256=MANIFEST,
        created_at=clock.now(),
        known_ids=known_ids,
        own_apps=own_apps,
        vouched=vouched,
        seen=seen,
        source_tenant=source_tenant,
    )


async def planned(
    damage: Callable[[Service], None],
    *,
    prepare: Callable[[Service], None] = lambda service: None,
    scope: Scope | None = None,
    lag: float = 0.0,
    seed: str = "small",
) -> Planned:
    """`prepare` changes the tenant before the snapshot, `damage` after it."""
    clock = ManualClock()
    service = tenant(clock, seed)
    prepare(service)
    clock.advance(60)
    snapshot = Snapshot.of(await read(service, clock))
    clock.advance(3600)
    damage(service)
    clock.advance(3600)
    plan = await make_plan(service, snapshot, clock, scope=scope)
    world = await with_plan(clock, service, plan)
    service.settings.lag = lag
    return Planned(world, snapshot)


async def undo_of(case: Planned, *, offered: bool = True, **asked: Any) -> RestorePlan:
    """The plan that takes the case's plan back, stored. `offered`: the snapshot still is."""
    world = case.world
    unused: Any = None

    class Vault:
        async def open(self, name: str) -> Snapshot:
            assert name == SNAPSHOT
            if not offered:
                raise Unusable("this snapshot is expired")
            return case.snapshot

    vault: Any = Vault()
    maker = SnapshotPlanMaker(
        repository=vault,
        directory=directory(world.service, world.clock),
        catalog=CATALOG,
        audit=unused,
        clock=world.clock,
        scratch=lambda: nullcontext(MemoryBlobStore("scratch")),
        temporary=None,
        evidence=world.view(),
        break_glass_ids=tuple(world.service.info["breakGlassIds"]),
    )
    plan = await maker(UNDO, PlanRequest(1, "plan", "request-01", undo=world.plan.id, **asked))
    await world.view().store_plan(plan, PLAN_KEY)
    return plan


async def with_plan(clock: ManualClock, service: Service, plan: RestorePlan) -> World:
    nobody: Any = None
    damaged: Damage = nobody
    world = World(clock, service, damaged, plan)
    world.approvers_sha256 = await store_approvers(world.evidence, world.tenant, approvers_document())
    await world.view().store_plan(plan, PLAN_KEY)
    if plan.steps:
        await world.approve()
    return world


# --- damage --------------------------------------------------------------------------------------------


def cloud_users(service: Service) -> list[dict[str, Any]]:
    return [
        user
        for user in objects(service, "users")
        if "#EXT#" not in str(user["userPrincipalName"])
        and user["id"] not in service.info["breakGlassIds"]
        and not user.get("onPremisesSyncEnabled")
        and not user.get("isManagementRestricted")
    ]


def cloud_groups(service: Service) -> list[dict[str, Any]]:
    return [
        group
        for group in objects(service, "groups")
        if not group.get("onPremisesSyncEnabled")
        and not group.get("isManagementRestricted")
        and "DynamicMembership" not in (group.get("groupTypes") or [])  # type: ignore[operator]
        and not (group.get("mailEnabled") and "Unified" not in (group.get("groupTypes") or []))  # type: ignore[operator]
        and group["id"] != service.info["breakGlassGroupId"]
    ]


def delete(service: Service, kind: str, key: str, *, purge: bool = False) -> None:
    scripted(service, "DELETE", f"/v1.0/{kind}/{key}")
    if purge and key in service.store.tables[f"bin:{kind}"]:
        scripted(service, "DELETE", f"/v1.0/directory/deletedItems/{key}")


def purge(service: Service, table: str, key: str) -> None:
    """Gone for good, of whatever type, with what can't be without it."""
    answer = run(service, "POST", "/_sim/incident", {}, {"requests": [{"op": "purge", "type": table, "id": key}]})
    assert answer.body is not None
    assert not answer.body["failed"], answer.body


def attack(service: Service) -> None:
    """Users deleted and purged, groups purged, an application purged, policies off, members removed, a user
    impersonated, the tenant's policy loosened."""
    users, groups = cloud_users(service), cloud_groups(service)
    for user in users[:4]:
        delete(service, "users", str(user["id"]))
    for user in users[4:6]:
        delete(service, "users", str(user["id"]), purge=True)
    impersonated = users[5]
    scripted(
        service,
        "POST",
        "/v1.0/users",
        {
            "accountEnabled": True,
            "displayName": impersonated["displayName"],
            "mailNickname": impersonated["mailNickname"],
            "userPrincipalName": impersonated["userPrincipalName"],
            "passwordProfile": {"password": "Attack3r!xyz"},
        },
    )
    for group in groups[:2]:
        delete(service, "groups", str(group["id"]), purge=True)
    delete(service, "groups", str(groups[2]["id"]))
    for group in groups[3:6]:
        key = str(group["id"])
        for member in list(service.store.targets("groups.members", key))[:3]:
            scripted(service, "DELETE", f"/v1.0/groups/{key}/members/{member}/$ref")
    application = objects(service, "applications")[0]
    for principal in objects(service, "servicePrincipals"):
        if principal["appId"] == application["appId"]:
            delete(service, "servicePrincipals", str(principal["id"]), purge=True)
    delete(service, "applications", str(application["id"]), purge=True)
    for policy in objects(service, "conditionalAccessPolicies"):
        path = f"/beta/identity/conditionalAccess/policies/{policy['id']}"
        scripted(service, "PATCH", path, {"state": "disabled"})
    scripted(service, "PATCH", "/v1.0/policies/authorizationPolicy", {"allowInvitesFrom": "everyone"})


def add_member(service: Service, group: str, member: str) -> None:
    address = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{member}"}
    scripted(service, "POST", f"/v1.0/groups/{group}/members/$ref", address)
