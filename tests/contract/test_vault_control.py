"""The `VaultControl` contract, on the real SDK against the simulated management plane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.adapters.management import ArmVaultControl, LoopbackToken
from shared.domain.errors import BlobMissing, Refused, StorageDenied, StorageDown, Unusable
from shared.domain.ports import VaultControl
from shared.domain.vault import DeletionRule
from tests.contract.suite import Suite
from tests.localrun.arm import RESOURCE_ID, ManagementPlane

SUITE = Suite(VaultControl, {"arm": ArmVaultControl})


@dataclass
class Case:
    control: VaultControl
    plane: ManagementPlane


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with ManagementPlane() as plane:
        plane.add("vault-35d", 42)
        plane.add("chain")
        control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), plane.url)
        yield Case(SUITE.made(request.param, control), plane)
        await control.close()


async def test_a_container_with_and_without_a_policy(case: Case) -> None:
    held = await case.control.container("vault-35d")
    assert held.policy is not None
    assert (held.policy.days, held.policy.locked, held.policy.appends, held.policy.extended) == (
        42,
        False,
        False,
        0,
    )
    assert (held.holds, held.versioned) == ((), False)
    assert (await case.control.container("chain")).policy is None
    with pytest.raises(BlobMissing):
        await case.control.container("none")


async def test_locking_needs_the_state_that_was_read_and_is_for_good(case: Case) -> None:
    policy = (await case.control.container("vault-35d")).policy
    assert policy is not None
    with pytest.raises(Refused):
        await case.control.lock("vault-35d", '"another"')
    locked = await case.control.lock("vault-35d", policy.etag)
    assert locked.locked
    assert locked == (await case.control.container("vault-35d")).policy
    with pytest.raises(Refused):
        await case.control.lock("vault-35d", locked.etag)
    with pytest.raises(BlobMissing):
        await case.control.lock("chain", policy.etag)


async def test_a_locked_policy_grows_five_times_and_never_shrinks(case: Case) -> None:
    policy = (await case.control.container("vault-35d")).policy
    assert policy is not None
    with pytest.raises(Refused):
        await case.control.extend("vault-35d", 60, policy.etag)  # not locked yet
    policy = await case.control.lock("vault-35d", policy.etag)
    with pytest.raises(Refused):
        await case.control.extend("vault-35d", 41, policy.etag)
    for number in range(1, 6):
        policy = await case.control.extend("vault-35d", 42 + number, policy.etag)
        assert (policy.days, policy.extended, policy.locked) == (42 + number, number, True)
    with pytest.raises(Refused):
        await case.control.extend("vault-35d", 90, policy.etag)


async def test_holds_come_and_go_beside_each_other(case: Case) -> None:
    await case.control.hold("chain", "case20261")
    await case.control.hold("chain", "case20262")
    held = (await case.control.container("chain")).holds
    assert [one.tag for one in held] == ["case20261", "case20262"]
    assert all(one.since is not None and one.since.tzinfo is not None for one in held)
    await case.control.release("chain", "case20261")
    assert [one.tag for one in (await case.control.container("chain")).holds] == ["case20262"]


async def test_the_account_is_told_as_it_is(case: Case) -> None:
    account = await case.control.account()
    assert (account.primary, account.secondary) == ("westeurope", "")
    assert (account.shared_keys, account.public_blobs, account.versioning) == (False, False, False)
    assert (account.soft_delete_days, account.container_soft_delete_days, account.deletions) == (0, 0, ())
    case.plane.account["properties"] = {"primaryLocation": "West Europe", "secondaryLocation": "North Europe"}
    case.plane.blob_service = {
        "isVersioningEnabled": True,
        "deleteRetentionPolicy": {"enabled": True, "days": 7},
        "containerDeleteRetentionPolicy": {"enabled": False, "days": 9},
    }
    case.plane.lifecycle = [
        _rule("old", {"daysAfterCreationGreaterThan": 50}, prefixes=["vault-35d/v1", "chain"]),
        _rule("off", {"daysAfterCreationGreaterThan": 1}, enabled=False),
        _rule("all", {"daysAfterModificationGreaterThan": 30.5}),
        {"name": "tier", "type": "Lifecycle", "definition": {"actions": {"baseBlob": {"tierToCool": {}}}}},
    ]
    account = await case.control.account()
    # Where shared keys are not forbidden they are allowed.
    assert replace(account, deletions=()) == replace(
        account, primary="westeurope", secondary="northeurope", shared_keys=True, versioning=True,
        soft_delete_days=7, container_soft_delete_days=0, deletions=(),
    )  # fmt: skip
    assert account.deletions == (
        DeletionRule("old", "vault-35d/v1", 50),
        DeletionRule("old", "chain", 50),
        DeletionRule("all", "", 30.5),
    )


def _rule(name: str, delete: dict[str, float], *, prefixes: list[str] | None = None, enabled: bool = True) -> Any:
    filters = {"blobTypes": ["blockBlob"], **({"prefixMatch": prefixes} if prefixes else {})}
    definition = {"actions": {"baseBlob": {"delete": delete}}, "filters": filters}
    return {"name": name, "enabled": enabled, "type": "Lifecycle", "definition": definition}


async def test_without_the_right_or_the_service_nothing_is_concluded(case: Case) -> None:
    case.plane.actions = {"containers/read"}
    assert (await case.control.container("vault-35d")).policy is not None
    with pytest.raises(StorageDenied):
        await case.control.account()
    with pytest.raises(StorageDenied):
        await case.control.hold("chain", "case20261")
    case.plane.actions = {"*"}
    case.plane.down = True
    with pytest.raises(StorageDown):
        await case.control.container("vault-35d")


@pytest.mark.parametrize(
    "resource_id", ["", "holdfastvault", RESOURCE_ID + "/blobServices/default", "/subscriptions/x"]
)
def test_only_the_id_of_a_storage_account_is_taken(resource_id: str) -> None:
    with pytest.raises(Unusable):
        ArmVaultControl.open(resource_id, LoopbackToken())
