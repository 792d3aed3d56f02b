"""A backup in one process: ports in memory, a small tenant, and a loop that delivers queue messages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import ManualClock, MemoryBlobStore, MemoryQueue, MemoryTableStore
from shared.catalog.registry import CATALOG, Catalog
from shared.domain.errors import Retryable
from shared.domain.ports import BlobStore, Directory, Signer, TableStore
from shared.domain.regions import Residency
from shared.domain.snapshot import Run
from shared.engines import paths
from shared.engines.export import ExportPorts, ItemResult, RunRequest, decode_work, start_run
from shared.engines.holds import Holds
from shared.engines.item import Limits
from shared.engines.postpone import RUN_BUDGET, Postponing, run_or_postpone
from shared.engines.repository import Repository
from shared.engines.seal import SealPorts, seal_run
from shared.engines.verify import Report, verify_snapshot
from shared.engines.view import PackedView
from tests.fakes import FakeDirectory, FakeInspector
from tests.faults import Faults, FaultyBlobStore, FaultyDirectory, FaultyQueue, FaultySigner, FaultyTableStore

TENANT = "11111111-2222-3333-4444-555555555555"
LIMITS = Limits(pack_bytes=300, replication_wait=0.0)
SIGNER = LocalSigner.generate()


def small_tenant(directory: FakeDirectory, *, users: int = 7, members: int = 25) -> None:
    """Every type of the catalog, a group with more members than `$expand` shows, and values hard to keep."""
    directory.put(
        "organization",
        id="org-1",
        displayName="Contoso",
        verifiedDomains=[{"name": "contoso.com"}],
        assignedPlans=[
            {
                "service": "AADPremiumService",
                "servicePlanId": plan,
                "capabilityStatus": "Enabled",
            }
            for plan in ("eec0eb4f-6444-4f95-aba0-50c24d67f998", "e866a266-3cff-43a3-acca-0c90a7e00c8b")
        ],
    )
    directory.put("authorizationPolicy", id="authorizationPolicy", displayName="Authorization Policy")
    for number in range(users):
        directory.put("users", id=f"user-{number:03d}", displayName=f"User {number}", accountEnabled=True)
    directory.put_raw(
        "users", "user-raw", b'{"id":"user-raw","displayName":"N\\u00e4me \\ud83d\\ude00","unknown":1.50,"n":1e3}'
    )
    directory.link("users", "manager", "user-001", "user-000")
    directory.link("users", "manager", "user-002", "user-000")
    for number in range(3):
        directory.put("groups", id=f"group-{number}", displayName=f"Group {number}", groupTypes=["b", "a"])
    for number in range(members):
        directory.link(
            "groups", "members", "group-0", f"user-{number % users:03d}" if number < users else f"gone-{number}"
        )
    directory.link("groups", "members", "group-1", "group-0", "group")
    directory.link("groups", "owners", "group-1", "user-003")
    directory.put("applications", id="app-1", appId="appid-1", displayName="App")
    directory.link("applications", "owners", "app-1", "user-001")
    directory.link(
        "applications",
        "federatedIdentityCredentials",
        "app-1",
        "fic-1",
        name="ci",
        subject="repo:x",
        issuer="https://i",
    )
    directory.put("servicePrincipals", id="sp-1", appId="appid-1", displayName="App")
    for number in range(22):
        directory.link(
            "servicePrincipals",
            "appRoleAssignedTo",
            "sp-1",
            f"assignment-{number:02d}",
            principalId=f"user-{number % users:03d}",
            resourceId="sp-1",
            principalDisplayName=f"User {number}",
        )
    directory.put(
        "oauth2PermissionGrants",
        id="grant-1",
        clientId="sp-1",
        resourceId="sp-1",
        consentType="AllPrincipals",
        principalId=None,
        scope="User.Read",
    )
    directory.put("administrativeUnits", id="unit-1", displayName="Region South")
    directory.link("administrativeUnits", "members", "unit-1", "user-004")
    directory.put("roleDefinitions", id="role-1", templateId="role-1", displayName="Helpdesk", isBuiltIn=False)
    held = {"principalId": "user-005", "roleDefinitionId": "role-1", "directoryScopeId": "/"}
    directory.put("roleAssignments", id="held-1", **held)
    directory.put(
        "roleAssignmentScheduleInstances",
        id="held-1",
        roleAssignmentOriginId="held-1",
        assignmentType="Assigned",
        memberType="Direct",
        **held,
    )
    always = {"startDateTime": "2024-03-01T00:00:00Z", "expiration": {"type": "noExpiration"}}
    directory.put("roleEligibilitySchedules", id="eligible-1", memberType="Direct", scheduleInfo=always, **held)
    directory.put(
        "roleManagementPolicyAssignments",
        id="settings-1_role-1",
        policyId="settings-1",
        roleDefinitionId="role-1",
        scopeId="/",
        scopeType="DirectoryRole",
        policy={"id": "settings-1", "rules": []},
    )
    directory.put("authenticationMethodsPolicy", id="authenticationMethodsPolicy", displayName="Methods")
    directory.put("authenticationMethodConfigurations", id="Fido2", state="enabled", includeTargets=[])
    directory.put("authenticationStrengthPolicies", id="strength-1", displayName="Keys", policyType="custom")
    directory.link(
        "authenticationStrengthPolicies",
        "combinationConfigurations",
        "strength-1",
        "combination-1",
        appliesToCombinations=["fido2"],
        allowedAAGUIDs=["00000000-0000-0000-0000-0000000000a1"],
    )
    directory.put("authenticationContextClassReferences", id="c1", displayName="Sensitive", isAvailable=True)
    directory.put("groupSettings", id="setting-1", displayName="Group.Unified", templateId="t-1", values=[])
    directory.put(
        "namedLocations", id="loc-1", displayName="Office", **{"@odata.type": "#microsoft.graph.ipNamedLocation"}
    )
    directory.put(
        "conditionalAccessPolicies",
        id="policy-1",
        displayName="Require MFA",
        state="enabled",
        conditions={"users": {"includeUsers": ["All"], "excludeGroups": ["group-0", "group-dead"]}},
    )
    for spec in CATALOG.types:
        if spec.singleton and not spec.parent and not directory.objects.get(spec.name):
            directory.put(spec.name, id=spec.name, displayName=spec.title)


@dataclass
class Backup:
    """One simulated deployment. `directory`, stores and queues outlive the processes that use them."""

    directory: FakeDirectory = field(default_factory=FakeDirectory)
    clock: ManualClock = field(default_factory=ManualClock)
    vault: MemoryBlobStore = field(default_factory=lambda: MemoryBlobStore("vault-35d"))
    chain: MemoryBlobStore = field(default_factory=lambda: MemoryBlobStore("chain"))
    rows: MemoryTableStore = field(default_factory=MemoryTableStore)
    run_budget: float = RUN_BUDGET
    inspector: FakeInspector = field(default_factory=FakeInspector)
    catalog: Catalog = CATALOG
    limits: Limits = LIMITS
    signer: LocalSigner = SIGNER
    residency: Residency = Residency.EU
    opt_in: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.exports = MemoryQueue("export", self.clock)
        self.seals = MemoryQueue("seal", self.clock)
        self.delivered: list[tuple[str, str]] = []  # queue, body

    @property
    def keys(self) -> Mapping[str, Any]:
        return self.signer.public_keys

    def ports(self, faults: Faults | None = None) -> ExportPorts:
        """The ports of one process; with `faults` it can die at any of their calls."""
        directory: Directory = self.directory
        vault: BlobStore = self.vault
        chain: BlobStore = self.chain
        exports: Any = self.exports
        seals: Any = self.seals
        if faults is not None:
            directory = FaultyDirectory(self.directory, faults)
            vault, chain = FaultyBlobStore(self.vault, faults), FaultyBlobStore(self.chain, faults)
            exports, seals = FaultyQueue(self.exports, faults), FaultyQueue(self.seals, faults)
        return ExportPorts(
            directory=directory,
            vault=vault,
            chain=chain,
            export_queue=exports,
            seal_queue=seals,
            inspector=self.inspector,
            clock=self.clock,
            catalog=self.catalog,
            repository=Repository({vault.container: vault}, chain, TENANT, self.keys, self.clock),
        )

    def seal_ports(self, faults: Faults | None = None) -> SealPorts:
        ports = self.ports(faults)
        signer: Signer = self.signer if faults is None else FaultySigner(self.signer, faults)
        return SealPorts(ports.vault, ports.chain, signer, self.keys, self.catalog)

    def request(self, suffix: str = "full") -> RunRequest:
        return RunRequest(
            tenant=TENANT,
            snapshot=paths.snapshot_id(paths.slot(self.clock.now()), suffix),
            trigger="timer",
            retention_days=35,
            chain_days=400,
            region="westeurope",
            tool="holdfast/test",
            residency=self.residency,
            opt_in=self.opt_in,
        )

    async def start(self, request: RunRequest | None = None, faults: Faults | None = None) -> Run:
        return await start_run(self.ports(faults), request or self.request())

    async def work(self, body: str, faults: Faults | None = None) -> ItemResult:
        """What a function does with a message of the export queue."""
        rows: TableStore = self.rows if faults is None else FaultyTableStore(self.rows, faults)
        postponing = Postponing(rows, self.run_budget)
        return await run_or_postpone(self.ports(faults), postponing, decode_work(body), self.limits)

    def copy(self) -> Backup:
        """A second deployment as this one is now; it shares nothing that changes."""
        shared = (self.catalog, self.signer)
        return copy.deepcopy(self, {id(one): one for one in shared})

    async def deliver(
        self,
        *,
        faults: Faults | None = None,
        twice: bool = False,
        looking: Callable[[Backup], None] = lambda backup: None,
        limit: int = 10_000,
    ) -> int:
        """Delivers messages until the queues are empty. A message whose handling fails for now comes again; one
        whose handling died stays invisible until its visibility ends. `looking` is called before each. Returns how
        many were delivered."""
        delivered = 0
        while delivered < limit:
            looking(self)
            message, queue = self._receive()
            if message is None:
                return delivered
            delivered += 1
            self.delivered.append((queue.name, message.body))
            try:
                for _ in range(2 if twice else 1):
                    if queue is self.exports:
                        await self.work(message.body, faults)
                    else:
                        await seal_run(self.seal_ports(faults), decode_work(message.body))
            except Retryable:
                queue.hide(message, 1.0)
                continue
            queue.delete(message)
        raise AssertionError("messages never come to an end")

    def _receive(self) -> tuple[Any, MemoryQueue]:
        """The next message, moving the clock on to when one is visible."""
        for _ in range(2):
            for queue in (self.exports, self.seals):
                found = queue.receive(visibility=60.0)
                if found:
                    return found[0], queue
            waits = [queue.next_visible for queue in (self.exports, self.seals) if queue.next_visible is not None]
            if not waits:
                return None, self.exports
            self.clock.advance(min(waits) + 0.001)
        return None, self.exports

    def repository(self, keys: Mapping[str, Any] | None = None, holds: Holds | None = None) -> Repository:
        vaults = {self.vault.container: self.vault}
        return Repository(vaults, self.chain, TENANT, self.keys if keys is None else keys, self.clock, holds)

    async def verify(self, snapshot: str = "latest", **options: Any) -> Report:
        vaults = {self.vault.container: self.vault}
        return await verify_snapshot(
            vaults, self.chain, TENANT, self.keys, self.catalog, self.clock, snapshot, **options
        )

    async def back_up(self, **options: Any) -> Run:
        run = await self.start()
        await self.deliver(**options)
        return run


def with_limits(**changes: Any) -> Limits:
    return replace(LIMITS, **changes)


async def content(view: PackedView) -> dict[str, Any]:
    """Everything that a view holds, by type and id, and its links: what two equal snapshots share."""
    held: dict[str, Any] = {}
    for name in view.manifest.types:
        held[name] = {entry.id: (raw, entry.hash, entry.parent) async for entry, raw in view.objects(name)}
    for name in view.manifest.relationships:
        type_name, _, relationship = name.partition(".")
        held[name] = [link async for link in view.links(type_name, relationship)]
    return held
