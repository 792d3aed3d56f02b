"""`holdfast vault` against the simulated management plane, through the real SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from shared.adapters.management import ArmVaultControl, LoopbackToken
from shared.cli.parts import Parts, Source
from shared.domain.regions import Residency
from shared.domain.vault import HOLD_CONTAINER
from tests.localrun.arm import RESOURCE_ID, ManagementPlane
from tests.unit import cli_runner
from tests.unit.cli_runner import Ran
from tests.unit.cli_world import Deployment

PROMISED = {"vault-35d": 35, "evidence-400d": 400, "chain": 400}


class Vault:
    """One deployment with its management plane, which each command finds as the one before left it."""

    def __init__(self) -> None:
        self.plane = ManagementPlane()
        for name, days in PROMISED.items():
            self.plane.add(name, days + 7)
        self.plane.add(HOLD_CONTAINER)
        self.configured = True
        self.residency = Residency.EU
        self.second = False  # whether the settings are those of the copy role
        self.world = Deployment()

    def __call__(self, *arguments: str) -> Ran:
        return cli_runner.run("vault", *arguments, opener=self.opener)

    @asynccontextmanager
    async def opener(self, source: Source) -> AsyncIterator[Parts]:
        async with self.plane:
            control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), self.plane.url)
            operator: Any = SimpleNamespace(
                settings=SimpleNamespace(promised_days=PROMISED, residency=self.residency),
                control=control if self.configured else None,
            )
            try:
                parts = replace(self.world.parts(), operator=operator)
                yield replace(parts, operator=None, holds=None, copy=operator) if self.second else parts
            finally:
                await control.close()

    def lock_all(self) -> None:
        for name in PROMISED:
            assert self("lock", name, "--confirm", name).code == 0


@pytest.fixture
def vault() -> Vault:
    return Vault()


def test_a_fresh_deployment_is_not_protected_and_says_why(vault: Vault) -> None:
    ran = vault("status", "--json")
    assert ran.code == 3
    assert ran.document["protected"] is False
    row = ran.document["containers"][0]
    assert (row["container"], row["promisedDays"], row["policy"]["days"]) == ("vault-35d", 35, 42)
    assert [one["what"] for one in row["shortfalls"]] == [
        "the retention policy is not locked: it can be shortened or removed"
    ]
    text = vault("status")
    assert "NOT protected" in text.out
    assert "vault-35d, evidence-400d, chain" in text.out


def test_locking_asks_for_the_name_and_says_what_it_means(vault: Vault) -> None:
    ran = vault("lock", "vault-35d")
    assert ran.code == 3
    assert "can't be undone" in ran.err
    assert "42 days" in ran.err
    assert not any(path.endswith("/lock") for _, path in vault.plane.log)
    assert vault("lock", "vault-35d", "--confirm", "chain").code == 3
    ran = vault("lock", "vault-35d", "--confirm", "vault-35d", "--json")
    assert ran.code == 0
    assert ran.document == {"container": "vault-35d", "days": 42, "locked": True, "extended": 0, "appends": False}
    assert vault("lock", "vault-35d").code == 0  # nothing left to do


def test_a_locked_vault_is_protected(vault: Vault) -> None:
    vault.lock_all()
    ran = vault("status", "--json")
    assert ran.code == 0, ran.out
    assert ran.document["protected"] is True
    assert "Every container protects what is in it." in vault("status").out


@pytest.mark.parametrize(
    ("days", "appends", "said"),
    [(34, False, "35 are promised"), (42, True, "lets blobs grow"), (0, False, "no retention")],
)
def test_a_policy_that_would_not_hold_the_promise_is_not_locked(
    vault: Vault, days: int, appends: bool, said: str
) -> None:
    vault.plane.add("vault-35d", days, appends=appends)
    ran = vault("lock", "vault-35d", "--confirm", "vault-35d")
    assert ran.code == 3
    assert said in ran.err
    held = vault.plane.containers["vault-35d"].policy
    assert held is None or held["state"] == "Unlocked"


def test_extending_grows_five_times_and_the_last_one_has_to_be_meant(vault: Vault) -> None:
    assert "not locked" in vault("extend", "vault-35d", "60", "--confirm", "vault-35d").err
    vault.lock_all()
    assert "can only grow" in vault("extend", "vault-35d", "42", "--confirm", "vault-35d").err
    for number in range(4):
        ran = vault("extend", "vault-35d", str(50 + number), "--confirm", "vault-35d", "--json")
        assert ran.document["extended"] == number + 1
    ran = vault("extend", "vault-35d", "60", "--confirm", "vault-35d")
    assert ran.code == 3
    assert "--last" in ran.err
    assert vault("extend", "vault-35d", "60", "--last", "--confirm", "vault-35d").code == 0
    ran = vault("extend", "vault-35d", "70", "--last", "--confirm", "vault-35d")
    assert ran.code == 3
    assert "all there is" in ran.err
    assert vault.plane.containers["vault-35d"].policy == {
        "immutabilityPeriodSinceCreationInDays": 60,
        "state": "Locked",
        "allowProtectedAppendWrites": False,
    }


def test_a_policy_that_changed_between_reading_and_writing_is_left_alone(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ArmVaultControl.container

    async def overtaken(self: ArmVaultControl, name: str) -> Any:
        state = await read(self, name)
        vault.plane._changed(vault.plane.containers[name], "put")  # somebody else, just now
        return state

    monkeypatch.setattr(ArmVaultControl, "container", overtaken)
    ran = vault("lock", "vault-35d", "--confirm", "vault-35d")
    assert ran.code == 3
    assert "refused" in ran.err
    assert vault.plane.containers["vault-35d"].policy is not None
    assert vault.plane.containers["vault-35d"].policy["state"] == "Unlocked"


def _sold(vault: Vault) -> None:
    vault.plane.account["properties"] |= {"secondaryLocation": "uksouth", "allowSharedKeyAccess": True}


def _versioned(vault: Vault) -> None:
    vault.plane.containers["chain"].versioned = True


def _gone(vault: Vault) -> None:
    del vault.plane.containers["evidence-400d"]


def _early(vault: Vault) -> None:
    rule = {"actions": {"baseBlob": {"delete": {"daysAfterCreationGreaterThan": 10}}}}
    vault.plane.lifecycle = [{"name": "early", "enabled": True, "type": "Lifecycle", "definition": rule}]


@pytest.mark.parametrize(
    ("spoil", "said", "code"),
    [
        (_sold, "the secondary location uksouth is not in the EU", 0),
        (_sold, "shared keys are allowed", 0),
        (_versioned, "lets an uploader weaken", 3),
        (_gone, "there is no such container", 3),
        (_early, "lifecycle rule early deletes after 10 days", 0),
    ],
)
def test_what_is_not_as_it_should_be_is_told(
    vault: Vault, spoil: Callable[[Vault], None], said: str, code: int
) -> None:
    vault.lock_all()
    spoil(vault)
    ran = vault("status")
    assert ran.code == code
    assert said in ran.out


def test_the_wider_boundary_is_measured_by_where_it_was_chosen(vault: Vault) -> None:
    vault.lock_all()
    vault.plane.account["properties"] |= {"primaryLocation": "norwayeast", "secondaryLocation": "Norway West"}
    ran = vault("status", "--json")
    told = {one["what"] for row in ran.document["containers"] for one in row["shortfalls"]}
    assert told == {
        f"the {kind} is not in the EU" for kind in ("primary location norwayeast", "secondary location norwaywest")
    }
    assert ran.document["residency"] == "eu"
    vault.residency = Residency.EU_DATA_BOUNDARY
    ran = vault("status", "--json")
    assert [row["shortfalls"] for row in ran.document["containers"]] == [[], [], [], []]
    assert ran.document["residency"] == "eu-data-boundary"
    assert "the EU Data Boundary" in vault("status").out


def test_with_the_copiers_settings_it_is_the_second_account_that_is_looked_at_and_locked(vault: Vault) -> None:
    vault.second = True
    assert vault("status").code == 3
    vault.lock_all()
    assert vault("status", "--json").document["protected"] is True
    assert vault("extend", "chain", "500", "--confirm", "chain").code == 0
    vault.configured = False
    ran = vault("status")
    assert ran.code == 2
    assert "HOLDFAST_COPY_RESOURCE_ID" in ran.err


def test_without_a_management_plane_nothing_is_claimed(vault: Vault) -> None:
    vault.configured = False
    ran = vault("status")
    assert ran.code == 2
    assert "HOLDFAST_VAULT_RESOURCE_ID" in ran.err
    vault.configured = True
    assert vault("lock", "pictures", "--confirm", "pictures").code == 2
    vault.plane.actions = {"blobServices/read"}
    assert vault("status").code == 1
