"""A restore in one process: a simulated tenant that was damaged, a plan written by hand, every key and port.

The plan brings back: a user from the recycle bin, a purged user, a purged group with members (the purged user
among them), a purged application with its service principal and federated credential, a changed property, a
manager, and a policy that excluded the purged group and was turned off.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import (
    ManualClock,
    MemoryBlobStore,
    MemoryQueue,
    MemorySecretStore,
    MemoryTableStore,
    QueueMessage,
    SeededIds,
)
from shared.catalog.registry import CATALOG
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import (
    Anchor,
    AnchorKind,
    Approval,
    Approver,
    Approvers,
    Decision,
    ExpectedId,
    Forecast,
    Mechanism,
    Operation,
    Request,
    RestorePlan,
    Scope,
    Step,
    Wave,
)
from shared.domain.ports import Clock
from shared.engines import jws
from shared.engines.approvals import ApprovalDesk, store_approvers
from shared.engines.evidence import Evidence, StoredPlan, TrustedKeys
from shared.engines.executor import Executor, Limits, StepResult
from shared.engines.journal import Journal, PlanProgress
from shared.engines.jws import Purpose
from shared.engines.live_guard import LiveGuard
from shared.engines.onward import run_message
from shared.engines.restore_requests import read_step, step_message
from shared.engines.wire import encode
from tests.faults import Faults, FaultyBlobStore, FaultyDirectory, FaultyQueue, FaultySecretStore, FaultySigner
from tests.simdirectory import SimDirectory, TestTime, scripted
from tests.simulator.__main__ import build
from tests.simulator.auth import Principal
from tests.simulator.service import Service

PLAN_KEY = LocalSigner.generate()
EXECUTION_KEY = LocalSigner.generate()
EVIDENCE_KEY = LocalSigner.generate()
APPROVERS = tuple(LocalSigner.generate() for _ in range(3))
KEYS = TrustedKeys(PLAN_KEY.public_keys, EXECUTION_KEY.public_keys, EVIDENCE_KEY.public_keys)
ORIGIN = "http://127.0.0.1"
PLAN = "p0123456789abcdef0123456"
SMALL = Forecast(1, 1, 1, 1)
WRITER = frozenset(name for write in (False, True) for group in CATALOG.needs(write=write) for name in group) | {
    "RoleManagement.ReadWrite.Directory"
}


@cache
def _seeded(seed: str) -> Service:
    return build(seed)


def tenant(clock: ManualClock, seed: str = "small") -> Service:
    """A planted tenant of its own, on the test's clock."""
    service = copy.deepcopy(_seeded(seed))
    lead(service, clock)
    return service


def lead(service: Service, clock: Clock) -> None:
    """From now on the tenant's time is that of this clock."""
    time = TestTime(clock)
    for holder in (service, service.store, service.tokens, service.throttle):
        holder.clock = time  # type: ignore[attr-defined]
    for holder in (service.tokens, service.throttle):
        if hasattr(holder, "_clock"):
            holder._clock = time


@dataclass
class Damage:
    """What was there before, and what plays the main parts. Ids are the old ones."""

    binned: JsonObject
    purged: JsonObject
    group: JsonObject
    members: list[str]
    application: JsonObject
    principal: JsonObject
    credential: JsonObject
    patched: JsonObject
    boss: str
    policy: JsonObject


def live(service: Service, path: str) -> Any:
    return scripted(service, "GET", path)


def objects(service: Service, table: str) -> list[JsonObject]:
    return list(service.store.tables[table].values())


def wreck(service: Service) -> Damage:
    """Deletes, purges and changes, after the old values were noted."""
    people = [
        one
        for one in objects(service, "users")
        if "#EXT#" not in str(one["userPrincipalName"])
        and one["id"] not in service.info["breakGlassIds"]
        and not one.get("onPremisesSyncEnabled")
        and not one.get("isManagementRestricted")
    ]
    binned, purged, patched, boss = people[:4]
    members = [str(one["id"]) for one in (purged, binned, *people[4:8])]
    group = scripted(
        service,
        "POST",
        "/v1.0/groups",
        {
            "displayName": "Payroll <all>",
            "description": "Sees salaries",
            "mailEnabled": False,
            "mailNickname": "payroll",
            "securityEnabled": True,
        },
    )
    for member in members:
        scripted(
            service,
            "POST",
            f"/v1.0/groups/{group['id']}/members/$ref",
            {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{member}"},
        )
    application = scripted(
        service,
        "POST",
        "/v1.0/applications",
        {"displayName": "Pay app", "signInAudience": "AzureADMyOrg", "tags": ["hr"]},
    )
    principal = scripted(service, "POST", "/v1.0/servicePrincipals", {"appId": application["appId"]})
    credential = scripted(
        service,
        "POST",
        f"/v1.0/applications/{application['id']}/federatedIdentityCredentials",
        {
            "name": "ci",
            "issuer": "https://token.example",
            "subject": "repo:pay",
            "audiences": ["api://AzureADTokenExchange"],
        },
    )
    policy = scripted(
        service,
        "POST",
        "/beta/identity/conditionalAccess/policies",
        {
            "displayName": "Pay needs MFA",
            "state": "enabled",
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {"includeApplications": ["All"]},
                "users": {
                    "includeUsers": ["All"],
                    "excludeUsers": list(service.info["breakGlassIds"]),
                    "excludeGroups": [group["id"]],
                },
            },
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        },
    )
    damage = Damage(
        copy.deepcopy(binned),
        copy.deepcopy(purged),
        group,
        members,
        application,
        principal,
        credential,
        copy.deepcopy(patched),
        str(boss["id"]),
        policy,
    )
    policies = "/beta/identity/conditionalAccess/policies"
    conditions = copy.deepcopy(policy["conditions"])
    assert isinstance(conditions, dict)
    assert isinstance(conditions["users"], dict)
    conditions["users"]["excludeGroups"] = []
    scripted(service, "PATCH", f"{policies}/{policy['id']}", {"state": "disabled", "conditions": conditions})
    scripted(service, "PATCH", f"/v1.0/users/{patched['id']}", {"department": "Changed by the attacker"})
    scripted(service, "DELETE", f"/v1.0/users/{binned['id']}")
    for kind, key in (
        ("users", purged["id"]),
        ("groups", group["id"]),
        ("servicePrincipals", principal["id"]),
        ("applications", application["id"]),
    ):
        scripted(service, "DELETE", f"/v1.0/{kind}/{key}")
        if f"bin:{kind}" in service.store.tables and key in service.store.tables[f"bin:{kind}"]:
            scripted(service, "DELETE", f"/v1.0/directory/deletedItems/{key}")
    for kind in ("users", "groups", "applications", "servicePrincipals"):
        assert not {purged["id"], group["id"], application["id"]} & set(service.store.tables[kind])
    return damage


# --- the plan ------------------------------------------------------------------------------------------


def _id(old: Any) -> Json:
    return {"$id": str(old)}


def _join(*parts: Json) -> Json:
    return {"$join": list(parts)}


def _address(old: str) -> Json:
    return _join({"$origin": True}, "/v1.0/directoryObjects/", _id(old))


def operations(service: Service, damage: Damage) -> dict[str, Operation]:
    purged, group, app, sp = damage.purged, damage.group, damage.application, damage.principal
    binned, patched, policy = damage.binned, damage.patched, damage.policy
    upn = str(purged["userPrincipalName"])
    user_members: JsonObject = {
        name: purged[name] for name in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName")
    }
    group_members: JsonObject = {
        name: group[name] for name in ("description", "mailEnabled", "mailNickname", "securityEnabled")
    }
    marked = "Payroll <all> [hf:create-group]"
    app_marked = "Pay app [hf:create-app]"
    fic = damage.credential
    policies = "/beta/identity/conditionalAccess/policies"
    conditions = copy.deepcopy(policy["conditions"])
    now = next(one for one in objects(service, "conditionalAccessPolicies") if one["id"] == policy["id"])
    assert isinstance(conditions, dict)
    assert isinstance(conditions["users"], dict)
    conditions["users"]["excludeGroups"] = [_id(group["id"])]
    made = [
        Operation(
            id="bin-user",
            type="users",
            target=str(binned["id"]),
            name=str(binned["displayName"]),
            mechanism=Mechanism.BIN,
            why="deleted",
            request=Request("POST", f"/v1.0/directory/deletedItems/{binned['id']}/restore", None, "directory"),
            read=f"/v1.0/users/{binned['id']}?$select=id",
            before={},
            wanted={},
            ids={"id": str(binned["id"])},
        ),
        Operation(
            id="create-user",
            type="users",
            target=str(purged["id"]),
            name=str(purged["displayName"]),
            mechanism=Mechanism.CREATE,
            why="purged",
            request=Request(
                "POST",
                "/v1.0/users",
                {
                    **user_members,
                    "passwordProfile": {
                        "forceChangePasswordNextSignIn": True,
                        "password": {"$password": str(purged["id"])},
                    },
                },
                "directory",
            ),
            read=_join("/v1.0/users/", _id(purged["id"]), f"?$select=id,{','.join(user_members)}"),
            before={},
            wanted=user_members,
            expected_id=ExpectedId.NEW,
            ids={"id": str(purged["id"])},
            anchor=Anchor(
                AnchorKind.KEY,
                "userPrincipalName",
                upn,
                f"/v1.0/users?$filter=userPrincipalName%20eq%20'{upn}'&$select=id,userPrincipalName",
            ),
            secret_for=f"initial-password-{purged['id']}",
        ),
        Operation(
            id="create-group",
            type="groups",
            target=str(group["id"]),
            name="Payroll",
            mechanism=Mechanism.CREATE,
            why="purged",
            request=Request("POST", "/v1.0/groups", {**group_members, "displayName": marked}, "directory"),
            read=_join("/v1.0/groups/", _id(group["id"])),
            before={},
            wanted={**group_members, "displayName": marked},
            expected_id=ExpectedId.NEW,
            ids={"id": str(group["id"])},
            anchor=Anchor(
                AnchorKind.MARKER,
                "displayName",
                marked,
                f"/v1.0/groups?$filter=displayName%20eq%20'{marked.replace(' ', '%20')}'&$select=id,displayName",
                "/v1.0/directory/deletedItems/microsoft.graph.group?$select=id,displayName&$top=999",
            ),
        ),
        Operation(
            id="finish-group",
            type="groups",
            target=str(group["id"]),
            name="Payroll",
            mechanism=Mechanism.FINISH,
            why="takes the marker off",
            request=Request(
                "PATCH", _join("/v1.0/groups/", _id(group["id"])), {"displayName": "Payroll <all>"}, "directory"
            ),
            read=_join("/v1.0/groups/", _id(group["id"]), "?$select=id,displayName"),
            before={"displayName": marked},
            wanted={"displayName": "Payroll <all>"},
            after=("create-group",),
        ),
        Operation(
            id="link-members",
            type="groups",
            target=str(group["id"]),
            name="Payroll",
            mechanism=Mechanism.LINK,
            why="members",
            request=Request(
                "PATCH",
                _join("/v1.0/groups/", _id(group["id"])),
                {"members@odata.bind": [_address(member) for member in damage.members]},
                "directory",
            ),
            read=_join("/v1.0/groups/", _id(group["id"]), "/members?$select=id&$top=999"),
            before={},
            wanted={"members": list(damage.members)},
            relationship="members",
            after=("create-group", "create-user", "bin-user"),
        ),
        Operation(
            id="link-manager",
            type="users",
            target=str(purged["id"]),
            name="",
            mechanism=Mechanism.LINK,
            why="manager",
            request=Request(
                "PUT",
                _join("/v1.0/users/", _id(purged["id"]), "/manager/$ref"),
                {"@odata.id": _address(damage.boss)},
                "directory",
            ),
            read=_join("/v1.0/users/", _id(purged["id"]), "/manager?$select=id"),
            before={"manager": []},
            wanted={"manager": [damage.boss]},
            relationship="manager",
            after=("create-user",),
        ),
        Operation(
            id="patch-user",
            type="users",
            target=str(patched["id"]),
            name=str(patched["displayName"]),
            mechanism=Mechanism.PATCH,
            why="changed",
            request=Request(
                "PATCH", f"/v1.0/users/{patched['id']}", {"department": patched.get("department")}, "directory"
            ),
            read=f"/v1.0/users/{patched['id']}?$select=department,id",
            before={"department": "Changed by the attacker"},
            wanted={"department": patched.get("department")},
        ),
        Operation(
            id="create-app",
            type="applications",
            target=str(app["id"]),
            name="Pay app",
            mechanism=Mechanism.CREATE,
            why="purged",
            request=Request(
                "POST",
                "/v1.0/applications",
                {"displayName": app_marked, "signInAudience": "AzureADMyOrg", "tags": ["hr"]},
                "directory",
            ),
            read=_join("/v1.0/applications/", _id(app["id"])),
            before={},
            wanted={"displayName": app_marked, "signInAudience": "AzureADMyOrg", "tags": ["hr"]},
            expected_id=ExpectedId.NEW,
            ids={"id": str(app["id"]), "appId": str(app["appId"])},
            anchor=Anchor(
                AnchorKind.MARKER,
                "displayName",
                app_marked,
                f"/v1.0/applications?$filter=displayName%20eq%20'{app_marked.replace(' ', '%20')}'"
                "&$select=id,appId,displayName",
                "/v1.0/directory/deletedItems/microsoft.graph.application?$select=id,appId,displayName&$top=999",
            ),
        ),
        Operation(
            id="finish-app",
            type="applications",
            target=str(app["id"]),
            name="Pay app",
            mechanism=Mechanism.FINISH,
            why="takes the marker off",
            request=Request(
                "PATCH", _join("/v1.0/applications/", _id(app["id"])), {"displayName": "Pay app"}, "directory"
            ),
            read=_join("/v1.0/applications/", _id(app["id"])),
            before={"displayName": app_marked},
            wanted={"displayName": "Pay app"},
            after=("create-app",),
        ),
        Operation(
            id="create-sp",
            type="servicePrincipals",
            target=str(sp["id"]),
            name="Pay app",
            mechanism=Mechanism.CREATE,
            why="purged",
            request=Request("POST", "/v1.0/servicePrincipals", {"appId": _id(app["appId"])}, "directory"),
            read=_join("/v1.0/servicePrincipals/", _id(sp["id"])),
            before={},
            wanted={"appId": _id(app["appId"])},
            expected_id=ExpectedId.NEW,
            ids={"id": str(sp["id"])},
            anchor=Anchor(
                AnchorKind.KEY,
                "appId",
                _id(app["appId"]),
                _join("/v1.0/servicePrincipals?$filter=appId%20eq%20'", _id(app["appId"]), "'&$select=id,appId"),
            ),
            after=("create-app",),
        ),
        Operation(
            id="create-fic",
            type="federatedIdentityCredentials",
            target=str(fic["id"]),
            name="ci",
            mechanism=Mechanism.CREATE,
            why="purged",
            request=Request(
                "POST",
                _join("/v1.0/applications/", _id(app["id"]), "/federatedIdentityCredentials"),
                {name: fic[name] for name in ("name", "issuer", "subject", "audiences")},
                "directory",
            ),
            read=_join("/v1.0/applications/", _id(app["id"]), "/federatedIdentityCredentials/", _id(fic["id"])),
            before={},
            wanted={name: fic[name] for name in ("name", "issuer", "subject", "audiences")},
            expected_id=ExpectedId.NEW,
            ids={"id": str(fic["id"])},
            anchor=Anchor(
                AnchorKind.KEY,
                "name",
                "ci",
                _join("/v1.0/applications/", _id(app["id"]), "/federatedIdentityCredentials"),
            ),
            after=("create-app",),
        ),
        Operation(
            id="patch-policy",
            type="conditionalAccessPolicies",
            target=str(policy["id"]),
            name="Pay needs MFA",
            mechanism=Mechanism.PATCH,
            why="changed",
            request=Request("PATCH", f"{policies}/{policy['id']}", {"conditions": conditions}, "conditionalAccess"),
            read=f"{policies}/{policy['id']}",
            before={"conditions": copy.deepcopy(now["conditions"])},
            wanted={"conditions": conditions},
            read_list=policies,
            after=("create-group",),
        ),
        Operation(
            id="enable-policy",
            type="conditionalAccessPolicies",
            target=str(policy["id"]),
            name="Pay needs MFA",
            mechanism=Mechanism.ENABLE,
            why="was enabled",
            request=Request("PATCH", f"{policies}/{policy['id']}", {"state": "enabled"}, "conditionalAccess"),
            read=f"{policies}/{policy['id']}",
            before={"state": "disabled"},
            wanted={"state": "enabled"},
            read_list=policies,
            after=("patch-policy", "finish-group", "link-members"),
            guarded=True,
        ),
    ]
    return {one.id: one for one in made}


def plan_of(service: Service, made: Mapping[str, Operation]) -> RestorePlan:
    """Five steps in two waves, with a gate between."""
    shape = {
        "s1": (3, (), ("bin-user", "create-user", "create-group", "create-app", "patch-user")),
        "s2": (3, ("s1",), ("finish-group", "link-manager", "create-sp", "create-fic")),
        "s3": (3, ("s1", "s2"), ("link-members", "finish-app")),
        "gate": (3, ("s2", "s3"), ()),
        "s4": (5, ("gate",), ("patch-policy",)),
        "s5": (5, ("s4",), ("enable-policy",)),
    }
    steps = tuple(
        Step(name, wave, name, needs, tuple(made[one] for one in names if one in made))
        for name, (wave, needs, names) in shape.items()
    )
    clock = ManualClock()
    return RestorePlan(
        format=1,
        id=PLAN,
        tenant=service.tenant_id,
        snapshot="20261122T000000Z-full",
        manifest_sha256="0" * 64,
        created_at=clock.now(),
        live_as_of=clock.now(),
        catalog_version=CATALOG.version,
        scope=Scope(),
        break_glass_ids=tuple(service.info["breakGlassIds"]),
        waves=(Wave(3, "tier 0", SMALL), Wave(5, "policies", SMALL)),
        steps=steps,
        conflicts=(),
        exclusions=(),
        new_ids={
            old: one.type for one in made.values() if one.expected_id is ExpectedId.NEW for old in one.ids.values()
        },
        forecast=SMALL,
        guard_groups=(service.info["breakGlassGroupId"],),
    )


# --- the world -----------------------------------------------------------------------------------------


def approvers_document(needed: int = 2) -> Approvers:
    return Approvers(
        needed,
        tuple(
            Approver(one.key_id, jws.to_jwk(one.public_key), f"person {number}")
            for number, one in enumerate(APPROVERS)
        ),
    )


@dataclass
class World:
    """Everything that outlives a process."""

    clock: ManualClock
    service: Service
    damage: Damage
    plan: RestorePlan
    evidence: MemoryBlobStore = field(default_factory=lambda: MemoryBlobStore("evidence-400d"))
    rows: MemoryTableStore = field(default_factory=MemoryTableStore)
    approvers_sha256: str = ""
    own_apps: tuple[str, ...] = ()
    limits: Limits = field(default_factory=lambda: Limits(claim=60.0, pause=0.5))
    processes: int = 0

    def __post_init__(self) -> None:
        self.secrets = MemorySecretStore(self.clock)
        self.steps = MemoryQueue("restore-steps", self.clock)
        self.verify = MemoryQueue("restore-verify", self.clock)

    @property
    def tenant(self) -> str:
        return self.service.tenant_id

    def view(self) -> Evidence:
        """The evidence, read without faults."""
        return Evidence(self.evidence, self.tenant, KEYS)

    def desk(self, evidence: Evidence | None = None) -> ApprovalDesk:
        return ApprovalDesk(evidence or self.view(), self.clock, self.approvers_sha256)

    async def stored(self) -> StoredPlan:
        return await self.view().load_plan(self.plan.id)

    async def approval(self, key: LocalSigner, **changes: Any) -> bytes:
        stored = await self.stored()
        value = Approval(
            tenant=self.tenant,
            plan=self.plan.id,
            digest=stored.digest,
            waves=tuple(wave.number for wave in self.plan.waves),
            decision=Decision.APPROVE,
            acknowledged=tuple(sorted({name for one in self.plan.waves for name in one.asks})),
            expires_at=self.clock.now().replace(year=2027),
            tier_zero=tuple(one.key for one in self.plan.tier_zero),
            nonce=f"nonce-{self.plan.id[-8:]}-{key.key_id[:8].lower().replace('_', 'x').replace('-', 'y')}0",
        )
        return await jws.sign(key, Purpose.APPROVAL, encode(replace(value, **changes)))

    async def approve(self, *keys: LocalSigner) -> None:
        for key in keys or APPROVERS[:2]:
            await self.desk().record(await self.approval(key))

    def directory(self) -> SimDirectory:
        who = Principal("holdfast-restore", "holdfast-restore", WRITER)
        return SimDirectory(self.service, self.clock, who)

    def process(self, faults: Faults | None = None) -> Process:
        """A new process: nothing in memory is shared with earlier ones."""
        self.processes += 1
        return Process(self, faults or Faults(), self.processes)

    async def progress(self) -> PlanProgress:
        stored = await self.stored()
        return PlanProgress(Journal(self.view()), stored.plan, stored.digest)

    async def ends(self) -> dict[str, str]:
        progress = await self.progress()
        found = {}
        for one in self.plan.operations:
            end = await progress.end(one.id)
            found[one.id] = "" if end is None else end.state.value if end.held or not end.state.good else "notHeld"
        return found


class Process:
    """The restore app: serves `restore-steps` until it dies."""

    def __init__(self, world: World, faults: Faults, number: int) -> None:
        self.world = world
        self.faults = faults
        self.sim = world.directory()
        store = FaultyBlobStore(world.evidence, faults)
        evidence = Evidence(store, world.tenant, KEYS)
        directory = FaultyDirectory(self.sim, faults)
        self.steps = FaultyQueue(world.steps, faults)
        self.verify = FaultyQueue(world.verify, faults)
        self.executor = Executor(
            evidence=evidence,
            desk=world.desk(evidence),
            directory=directory,
            secrets=FaultySecretStore(world.secrets, faults),
            signer=FaultySigner(EXECUTION_KEY, faults),
            guard=LiveGuard(directory, CATALOG, world.clock),
            clock=world.clock,
            ids=SeededIds(number),
            catalog=CATALOG,
            origin=ORIGIN,
            limits=world.limits,
            own_apps=world.own_apps,
        )

    async def serve(self, message: QueueMessage) -> StepResult:
        """What the function does with one message: run, send what follows, and only then let the message go."""
        body = read_step(message.body.encode())
        result = await run_message(self.executor, body, steps=self.steps, verify=self.verify)
        self.world.steps.delete(message)
        return result

    async def drain(self, *, twice: bool = False, most: int = 3000) -> list[StepResult]:
        """Serves until the queue is empty, however long the clock has to run for that."""
        results = []
        for _ in range(most):
            wait = self.world.steps.next_visible
            if wait is None:
                return results
            if wait > 0:
                self.world.clock.advance(wait)
            for message in self.world.steps.receive(visibility=30.0):
                if twice and message.dequeue_count == 1:
                    self.world.steps.repeat(message)
                results.append(await self.serve(message))
        raise AssertionError("the queue never gets empty")


async def world(*, lag: float = 0.0, plan: RestorePlan | None = None, approve: bool = True) -> World:
    clock = ManualClock()
    service = tenant(clock)
    damage = wreck(service)
    clock.advance(3600)
    made = plan or plan_of(service, operations(service, damage))
    service.settings.lag = lag
    found = World(clock, service, damage, made)
    found.approvers_sha256 = await store_approvers(found.evidence, found.tenant, approvers_document())
    await found.view().store_plan(made, PLAN_KEY)
    if approve:
        await found.approve()
    return found


async def start(one: World, step: str = "s1") -> None:
    await one.steps.send(step_message(one.plan.id, step))
