"""`holdfast preflight`: each thing that a restore needs is a line, and what is missing ends it with 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.cli.parts import Parts
from shared.domain.errors import GraphUnauthorized, StorageDenied, StorageDown
from shared.domain.ports import Protection
from shared.domain.queues import QUEUES
from shared.engines.jws import Purpose
from tests.unit.cli_world import PLAN_KEY, STRANGER, Cli, Deployment

READ = {any_of[0] for any_of in CATALOG.needs(write=False)}
WRITE = {any_of[0] for any_of in CATALOG.needs(write=True)}


class Inspector:
    locked = True

    async def protections(self, containers: tuple[str, ...]) -> dict[str, Protection]:
        return {
            name: Protection(self.locked, "" if self.locked else "the policy is not locked") for name in containers
        }


class World(Deployment):
    """A deployment in order, for a damage to its operator's parts before each command."""

    damage: Callable[[Any], None] = staticmethod(lambda operator: None)

    def parts(self) -> Parts:
        made = super().parts()
        operator: Any = made.operator
        settings = operator.settings
        settings.role, settings.opt_in, settings.break_glass_ids = "backup", (), ("one", "two")
        settings.promised_days = {"vault-35d": 35, "chain": 400}
        operator.catalog, operator.inspector, operator.keys, operator.signers = CATALOG, Inspector(), self.keys, {}
        operator.queues = {spec.name: None for spec in QUEUES}
        self.hold(operator, READ)
        self.damage(operator)
        return made

    def hold(self, operator: Any, held: set[str] | None) -> None:
        async def roles() -> set[str] | None:
            return held

        operator.directory.roles = roles


@pytest.fixture
def cli() -> Cli:
    made = Cli(World())
    made.do(made.world.set_approvers())
    made.back_up()
    return made


def test_a_deployment_in_order_has_nothing_to_find(cli: Cli) -> None:
    before = dict(cli.world.evidence.blobs)
    ran = cli("preflight", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["ready"] is True
    assert {one["what"]: one["ok"] for one in ran.document["checks"]} == {
        "token and permissions": True,
        "vault": True,
        "state": True,
        "public keys": True,
        "approvers": True,
        "break-glass accounts": True,
        "retention locks": True,
    }
    assert "A restore would find what it needs" in cli("preflight").out
    assert cli.world.evidence.blobs == before


def fails(error: Exception) -> Callable[..., Any]:
    async def failing(*given: Any) -> Any:
        raise error

    return failing


def lacks_directory(operator: Any) -> None:
    World().hold(operator, READ - {"AuditLog.Read.All"})


def writes(operator: Any) -> None:
    operator.settings.role = "restore"
    World().hold(operator, WRITE - {"User.ReadWrite.All"})


def no_token(operator: Any) -> None:
    operator.directory.roles = fails(GraphUnauthorized("no token", status=401))


def no_table(operator: Any) -> None:
    operator.tables = type("Table", (), {"get": fails(StorageDown("the account doesn't answer"))})


def no_queue(operator: Any) -> None:
    operator.queues.pop("restore-requests")


def no_key(operator: Any) -> None:
    operator.keys = {**operator.keys, Purpose.EXECUTION: {}}


def foreign_key(operator: Any) -> None:
    operator.signers = {Purpose.PLAN: PLAN_KEY, Purpose.EVIDENCE: STRANGER}


def no_key_and_a_foreign_one(operator: Any) -> None:
    no_key(operator)
    foreign_key(operator)


def no_approvers(operator: Any) -> None:
    operator.settings.approvers_sha256 = "00" * 32


def no_break_glass(operator: Any) -> None:
    operator.settings.break_glass_ids = ()


def unlocked(operator: Any) -> None:
    operator.inspector.locked = False


def unseen(operator: Any) -> None:
    operator.inspector.protections = fails(StorageDenied("no right to look"))


@pytest.mark.parametrize(
    ("damage", "what", "why"),
    [
        (lacks_directory, "token and permissions", "AuditLog.Read.All"),
        (writes, "token and permissions", "User.ReadWrite.All"),
        (no_token, "token and permissions", "no token"),
        (no_table, "state", "doesn't answer"),
        (no_queue, "state", "restore-requests"),
        (no_key, "public keys", "execution"),
        pytest.param(foreign_key, "public keys", STRANGER.key_id, id="foreign_key"),
        (no_key_and_a_foreign_one, "public keys", "execution"),
        (no_approvers, "approvers", "is not in the vault"),
        (no_break_glass, "break-glass accounts", "HOLDFAST_BREAK_GLASS_IDS"),
        (unlocked, "retention locks", "vault-35d: the policy is not locked"),
        (unseen, "retention locks", "no right to look"),
    ],
)
def test_what_is_missing_is_a_finding_and_the_rest_is_looked_at(
    cli: Cli, damage: Callable[[Any], None], what: str, why: str
) -> None:
    cli.world.damage = damage  # type: ignore[attr-defined]
    ran = cli("preflight", "--json")
    assert ran.code == 3, ran.err
    (found,) = [one for one in ran.document["checks"] if not one["ok"]]
    assert found["what"] == what
    assert why in found["told"]
    assert len(ran.document["checks"]) in (6, 7)


def test_without_a_snapshot_there_is_nothing_to_restore_from() -> None:
    made = Cli(World())
    made.do(made.world.set_approvers())
    ran = made("preflight", "--json")
    assert ran.code == 3
    assert [one["what"] for one in ran.document["checks"] if not one["ok"]] == ["vault"]
