"""What protects a container, by what the management plane says of it; and who is told when it doesn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from functions import backup_timer, status_timer
from shared.catalog.registry import CATALOG
from shared.domain.errors import BlobMissing, HoldfastError, StorageDenied, StorageDown
from shared.domain.ports import Protection
from shared.domain.regions import Residency
from shared.domain.vault import AccountState, ContainerState, DeletionRule, RetentionPolicy
from shared.engines.protection import protection_of
from shared.settings import Role
from tests.backup import Backup, small_tenant
from tests.fakes import FakeInspector

POLICY = RetentionPolicy(days=43, locked=True, appends=False, extended=0, etag='"1"')
CONTAINER = ContainerState("vault-35d", POLICY, (), versioned=False)
ACCOUNT = AccountState("westeurope", "northeurope", False, False, False, 0, 0, ())


def judged(container: ContainerState = CONTAINER, account: AccountState = ACCOUNT) -> Protection:
    return protection_of(container, account, 35)


def test_a_locked_policy_that_is_long_enough_protects_and_nothing_else_is_said() -> None:
    assert judged() == Protection(locked=True)
    assert judged(replace(CONTAINER, policy=replace(POLICY, days=35))) == Protection(locked=True)


@pytest.mark.parametrize(
    ("container", "why"),
    [
        (replace(CONTAINER, policy=None), "the container has no retention policy"),
        (replace(CONTAINER, policy=replace(POLICY, locked=False)), "not locked"),
        (replace(CONTAINER, policy=replace(POLICY, days=34)), "keeps blobs 34 days, 35 are promised"),
        (replace(CONTAINER, policy=replace(POLICY, appends=True)), "lets blobs grow"),
        (replace(CONTAINER, versioned=True), "lets an uploader weaken"),
    ],
)
def test_whatever_lets_a_blob_go_before_its_time_leaves_it_unprotected(container: ContainerState, why: str) -> None:
    found = judged(container)
    assert not found.locked
    assert why in found.why
    assert found.concerns == ()


@pytest.mark.parametrize(
    ("account", "concern"),
    [
        (replace(ACCOUNT, primary="uksouth"), "the primary location uksouth is not in the EU"),
        (replace(ACCOUNT, secondary="ukwest"), "the secondary location ukwest is not in the EU"),
        (replace(ACCOUNT, secondary="switzerlandnorth"), "the secondary location switzerlandnorth is not"),
        (replace(ACCOUNT, shared_keys=True), "shared keys are allowed"),
        (replace(ACCOUNT, public_blobs=True), "opened to the public"),
        (replace(ACCOUNT, versioning=True), "versioning is on"),
        (replace(ACCOUNT, soft_delete_days=7), "soft delete is on"),
        (replace(ACCOUNT, container_soft_delete_days=7), "soft delete is on"),
        (replace(ACCOUNT, deletions=(DeletionRule("early", "", 10),)), "rule early deletes after 10 days"),
        (replace(ACCOUNT, deletions=(DeletionRule("own", "vault-35d/v1", 34.5),)), "own deletes after 34.5 days"),
    ],
)
def test_what_weakens_no_lock_is_a_concern_and_leaves_the_snapshot_protected(
    account: AccountState, concern: str
) -> None:
    found = judged(account=account)
    assert found.locked
    assert not found.why
    assert concern in " ".join(found.concerns)


@pytest.mark.parametrize(
    "rule",
    [DeletionRule("late", "", 35), DeletionRule("other", "evidence-400d", 1), DeletionRule("near", "vault-35", 1)],
)
def test_a_rule_that_acts_later_or_elsewhere_is_no_concern(rule: DeletionRule) -> None:
    assert judged(account=replace(ACCOUNT, deletions=(rule,))).concerns == ()


def test_no_secondary_location_is_no_concern() -> None:
    assert judged(account=replace(ACCOUNT, secondary="")).concerns == ()


# --- who is told ------------------------------------------------------------------------------------------------


Alarms = list[tuple[str, dict[str, object]]]


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> Alarms:
    told: Alarms = []
    for module in (backup_timer, status_timer):
        monkeypatch.setattr(module, "alarm", lambda name, **fields: told.append((name, fields)))
    return told


class Inspector:
    """Says of each container what it was told to, and how often it was asked."""

    def __init__(self, said: Protection | HoldfastError) -> None:
        self.said, self.asked = said, 0

    async def protections(self, containers: Sequence[str]) -> Mapping[str, Protection]:
        self.asked += 1
        if isinstance(self.said, HoldfastError):
            raise self.said
        return dict.fromkeys(containers, self.said)


async def _status(monkeypatch: pytest.MonkeyPatch, inspector: Inspector, role: Role) -> None:
    async def roles() -> None:
        return None

    days = {"vault-35d": 35, "evidence-400d": 400, "chain": 400}
    settings = SimpleNamespace(role=role, promised_days=days, opt_in=())
    directory = SimpleNamespace(roles=roles)

    async def parts() -> Any:
        return SimpleNamespace(settings=settings, directory=directory, catalog=CATALOG, inspector=inspector)

    monkeypatch.setattr(status_timer, "parts", parts)
    timer: Any = status_timer.status_timer
    await timer._function.get_user_function()(None)


async def test_the_status_timer_alarms_each_container_and_each_concern_once(
    monkeypatch: pytest.MonkeyPatch, alarms: Alarms
) -> None:
    inspector = Inspector(Protection(locked=False, why="not locked", concerns=("not in the EU",)))
    await _status(monkeypatch, inspector, Role.BACKUP)
    assert [(name, fields["container"]) for name, fields in alarms] == [
        ("status.unprotected", "vault-35d"),
        ("status.unprotected", "evidence-400d"),
        ("status.unprotected", "chain"),
        ("status.vault", "vault-35d evidence-400d chain"),
    ]
    assert inspector.asked == 1


async def test_the_restore_app_leaves_the_vault_to_the_backup_app(
    monkeypatch: pytest.MonkeyPatch, alarms: Alarms
) -> None:
    inspector = Inspector(Protection(locked=False, why="nobody looked"))
    await _status(monkeypatch, inspector, Role.RESTORE)
    assert (alarms, inspector.asked) == ([], 0)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Protection(locked=False, why="the policy is not locked"), "vault-35d: the policy is not locked"),
        (StorageDown("no answer"), "could not be checked (StorageDown)"),
        (StorageDenied("no right"), "could not be checked (StorageDenied)"),
        (BlobMissing("no such container"), "could not be checked (BlobMissing)"),
    ],
)
async def test_a_run_that_starts_unprotected_is_alarmed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, alarms: Alarms, said: Protection | HoldfastError, why: str
) -> None:
    backup = Backup()
    small_tenant(backup.directory)
    inspector: Any = Inspector(said)
    backup.inspector = inspector
    await _started(monkeypatch, backup)
    (one,) = alarms
    assert one[0] == "run.unprotected"
    assert why in str(one[1]["reason"])
    assert inspector.asked == 1  # vault and chain in one look


async def test_a_protected_run_is_not_alarmed(monkeypatch: pytest.MonkeyPatch, alarms: Alarms) -> None:
    backup = Backup(inspector=FakeInspector(locked=True))
    small_tenant(backup.directory)
    await _started(monkeypatch, backup)
    assert alarms == []


async def _started(monkeypatch: pytest.MonkeyPatch, backup: Backup) -> None:
    monkeypatch.setattr(backup_timer, "export_ports", lambda parts: backup.ports())
    request = backup.request()
    settings = SimpleNamespace(
        tenant_id=request.tenant,
        retention_classes=(35,),
        chain_days=400,
        region="westeurope",
        residency=Residency.EU,
        opt_in=(),
    )
    parts: Any = SimpleNamespace(settings=settings, control=None)
    await backup_timer._start(parts, request.snapshot, "timer")
