"""Bad orders, from every side that orders come from: each is told clearly, and nothing is done by it.

One deployment for the module. What each test needs besides is made by itself; faults end with their test.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import UpdateMode
from azure.storage.blob import BlobClient
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.keys import LocalFileSigner, LocalSigner
from shared.domain.plan import Approval, Decision
from shared.domain.queues import QUEUES, RESTORE_CONTROL, RESTORE_REQUESTS, RESTORE_STEPS, poison
from shared.engines import jws
from shared.engines.restore_requests import apply_request, approval_message, step_message
from shared.engines.wire import encode
from tests.localrun import truth
from tests.localrun.incidents import ATTACKER
from tests.localrun.stack import EVIDENCE, VAULT_SETTING
from tests.localrun.world import Ended, World
from tests.scenario.apps import FACTOR, SETTINGS, Apps, Obj, holds_all, says
from tests.scenario.outside import (
    ACCOUNTS,
    messages_in,
    post,
    rejection,
    row_of,
    table_client,
    until,
)

__all__ = ["FACTOR", "SETTINGS"]  # read by the deployment's fixture
pytestmark = [pytest.mark.azurite, pytest.mark.full, pytest.mark.usefixtures("faults_end")]


def test_an_unknown_snapshot_is_told_with_the_nearest_ones(world: World, taken: str) -> None:
    unknown = f"{taken.partition('-')[0]}-unknown"
    for command in ("show", "plan", "diff"):
        says(world.shell(command, unknown, "--json"), 2, "no such snapshot", unknown, "nearest: ", taken)


@dataclass(frozen=True)
class Planned:
    plan: str
    digest: str


def _hurt(world: World, number: int) -> None:
    """Deletes a user and renames another: something to restore, without any new id."""
    tenant = world.simulator
    people = sorted(tenant.objects("users"), key=lambda one: str(one["userPrincipalName"]))
    plain = [one["id"] for one in people if one.get("userType") == "Member" and "user0" in one["userPrincipalName"]]
    requests: list[Obj] = [
        {"method": "DELETE", "url": f"/v1.0/users/{plain[number]}"},
        {"method": "PATCH", "url": f"/v1.0/users/{plain[number + 1]}", "body": {"displayName": "Mallory"}},
    ]
    assert not tenant.incident(requests, upn=ATTACKER)["failed"]


def _planned(world: World, snapshot: str) -> Planned:
    plan = world.holdfast_json("plan", snapshot)
    assert plan["document"]["steps"]
    return Planned(plan["plan"], plan["digest"])


@pytest.fixture(scope="module")
def refused(world: World, apps: Apps, taken: str) -> Planned:
    """A plan that none of the tests below may get to run: nobody but maria ever approves it validly."""
    _hurt(world, 0)
    return _planned(world, taken)


def test_a_plan_whose_digest_does_not_match_is_not_started(world: World, refused: Planned) -> None:
    other = hashlib.sha256(b"another plan").hexdigest()
    says(
        world.shell("restore", refused.plan, "--digest", other, "--json"),
        3,
        "the digest is not that of the stored plan",
        refused.plan,
        "nothing was started",
        f"holdfast status {refused.plan}",
    )
    # Past the command line, which is only a courtesy.
    post(world, RESTORE_REQUESTS, apply_request("wrong-digest", refused.plan, other).encode())
    row = until(lambda: row_of(world, "backup", "requests", "wrong-digest"), "an answer")
    assert row["answer"] == "refused"
    assert "the digest is not that of the stored plan" in row["why"]
    _nothing_ran(world, refused)


@pytest.mark.full
def test_one_approver_twice_is_one_approver(world: World, refused: Planned) -> None:
    for _ in range(2):
        answer = world.holdfast_json("approve", refused.plan, "--key", world.approver_key("maria"), "--yes")
        assert answer["recorded"] is True
        assert not any(wave["reached"] for wave in answer["quorum"])
    says(_restore(world, refused), 3, "has 1 of 2 approvals", refused.plan, "nothing was done")
    _nothing_ran(world, refused)


def test_forged_approvals_do_not_count(world: World, refused: Planned) -> None:
    forger = LocalSigner(ec.generate_private_key(ec.SECP256R1()))
    says(
        world.shell("approve", refused.plan, "--key", _key_file(world, forger), "--yes", "--json"),
        3,
        "the approval's signature is not valid",
    )
    unknown = asyncio.run(
        jws.sign(forger, jws.Purpose.APPROVAL, encode(_approval(world, refused, "unknown-key-01")))
    )
    # A true signature of an approver, over something else.
    jonas = LocalFileSigner(world.folder / "keys" / "approvers" / "jonas.pem")
    signed = asyncio.run(
        jws.sign(jonas, jws.Purpose.APPROVAL, encode(_approval(world, refused, "altered-payload-01", waves=(5,))))
    )
    wanted = asyncio.run(
        jws.sign(forger, jws.Purpose.APPROVAL, encode(_approval(world, refused, "altered-payload-01")))
    )
    altered = b".".join([signed.split(b".")[0], wanted.split(b".")[1], signed.split(b".")[2]])
    for token in (unknown, altered):
        body = approval_message(token).encode()
        post(world, RESTORE_CONTROL, body)
        row = until(lambda body=body: rejection(world, "backup", body), "a rejection")
        assert "signature is not valid" in row["why"]
    # Whoever holds the backup app's identity may add blobs, and so put a forgery where approvals lie.
    for nonce, token in (
        ("unknown-key-01", unknown),
        ("altered-payload-01", altered),
        ("noise-01-noise", b"noise"),
    ):
        _add_approval_blob(world, refused, nonce, token)
    told = _restore(world, refused)
    says(told, 3, "of 2 approvals", "not counted", "unknown-key-01", "altered-payload-01", "noise-01-noise")
    _nothing_ran(world, refused)


@pytest.mark.full
def test_an_approval_that_has_expired_does_not_count(world: World, refused: Planned) -> None:
    key = world.approver_key("jonas")
    answer = world.holdfast_json("approve", refused.plan, "--key", key, "--expires", "10m", "--yes")
    expires = datetime.fromisoformat(answer["expiresAt"]).timestamp()
    until(lambda: world.simulator.clock()["now"] > expires, "the end of an approval")
    told = _restore(world, refused)
    says(told, 3, "of 2 approvals", "the approval has expired")
    late = _approval(world, refused, "expired-at-once", expires=-60.0)
    body = approval_message(
        asyncio.run(
            jws.sign(
                LocalFileSigner(world.folder / "keys" / "approvers" / "aylin.pem"),
                jws.Purpose.APPROVAL,
                encode(late),
            )
        )
    ).encode()
    post(world, RESTORE_CONTROL, body)
    assert "expired" in until(lambda: rejection(world, "backup", body), "a rejection")["why"]
    _nothing_ran(world, refused)


# --- state that is not to be trusted -----------------------------------------------------------------------


@pytest.mark.full
def test_rows_changed_behind_our_back_change_nothing(world: World, apps: Apps) -> None:
    before = truth.take(world.simulator)
    snapshot = world.holdfast_json("backup", "--timeout", "6")["snapshot"]
    _hurt(world, 4)
    planned = _planned(world, snapshot)
    for name in ("jonas", "aylin"):
        world.holdfast("approve", planned.plan, "--key", world.approver_key(name), "--yes")
    # In the middle: the first claim is on its way, nothing is sent to Graph.
    control = world.stack.control
    held = control.add_fault("holdBefore", role="restore", operation="PutBlob", path=r"\.intent\.json$", seconds=60)
    with ThreadPoolExecutor(1) as shell:
        restore = shell.submit(_restore, world, planned)
        control.wait_until_held(held)
        for role in ACCOUNTS:
            _forge_rows(world, role, planned)
        control.release(held)
        ended = restore.result()
    assert ended.code == 0, ended
    assert json.loads(ended.out)["verdict"] == "equal", ended.out
    assert truth.compare(before, truth.take(world.simulator), {}) == []


@pytest.mark.full
def test_48_kb_of_noise_on_each_queue_are_recorded_and_stop_nobody(world: World, apps: Apps) -> None:
    chance = random.Random(48)
    noise = {spec: chance.randbytes(48 * 1024) for spec in QUEUES}
    for spec, body in noise.items():
        post(world, spec.name, body)
    # Other messages are served meanwhile.
    done = world.holdfast_json("backup", "--timeout", "6")
    for spec, body in noise.items():
        row = until(lambda spec=spec, body=body: rejection(world, spec.role, body), f"the row of {spec.name}", 90)
        assert (row["queue"], row["length"].value) == (spec.name, 48 * 1024)
    until(lambda: not any(messages_in(world, spec.name) for spec in QUEUES), "empty queues")
    assert all(host.running for host in apps.hosts.values())
    holds_all(world, done)


def test_a_step_that_failed_too_often_is_seen_where_plans_are_seen(world: World, apps: Apps) -> None:
    plan = "p" + "0" * 23
    post(world, poison(RESTORE_STEPS), step_message(plan, "w2-00001").encode())

    def told() -> Any:
        row = row_of(world, "backup", "plans", plan)
        return row if row is not None and row["state"] == "failed" else None

    assert "w2-00001 failed too often" in until(told, "the plan's row")["why"]
    assert apps.hosts["restore"].running


# --- helpers -------------------------------------------------------------------------------------------------


def _restore(world: World, planned: Planned) -> Ended:
    return world.shell("restore", planned.plan, "--digest", planned.digest, "--timeout", "1", "--json")


def _nothing_ran(world: World, planned: Planned) -> None:
    """No intent and no start of a wave is there, and the restore app has not written to the tenant for it."""
    marks = ("/steps/", "/waves/")
    written = [
        one["path"]
        for one in world.stack.control.log()
        if one["operation"] == "PutBlob"
        and planned.plan in one["path"]
        and any(mark in one["path"] for mark in marks)
    ]
    assert written == []
    restorer = world.simulator.ready["holdfastApps"]["restore"]
    assert [one for one in world.simulator.log() if one["app"] == restorer] == []


def _approval(
    world: World, planned: Planned, nonce: str, *, waves: tuple[int, ...] = (2, 3, 4), expires: float = 3600.0
) -> Approval:
    now = datetime.fromtimestamp(world.simulator.clock()["now"], UTC)
    there = {wave["number"] for wave in world.holdfast_json("status", planned.plan)["document"]["waves"]}
    return Approval(
        tenant=world.simulator.tenant_id,
        plan=planned.plan,
        digest=planned.digest,
        waves=tuple(wave for wave in waves if wave in there) or (min(there),),
        decision=Decision.APPROVE,
        acknowledged=(),
        expires_at=now + timedelta(seconds=expires),
        nonce=nonce,
    )


def _key_file(world: World, signer: LocalSigner) -> str:
    from cryptography.hazmat.primitives import serialization

    path = world.folder / "forger.pem"
    path.write_bytes(
        signer._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    path.chmod(0o600)
    return str(path)


def _add_approval_blob(world: World, planned: Planned, nonce: str, token: bytes) -> None:
    name = f"v1/{world.simulator.tenant_id}/plans/{planned.plan}/approvals/{nonce}.jws"
    connection = world.stack.settings("backup")[VAULT_SETTING]
    with BlobClient.from_connection_string(connection, EVIDENCE, name) as blob:
        blob.upload_blob(token)


def _forge_rows(world: World, role: str, planned: Planned) -> None:
    """Deletes what is asked for, says of plans that they have ended, and invents an approval."""
    with table_client(world, role) as table:
        for row in list(table.list_entities()):
            if row["PartitionKey"] == "requests":
                table.delete_entity(row)
            else:
                row.update(state="done", digest="0" * 64, snapshot="20200101T000000Z-full", steps=0, why="forged")
                table.update_entity(row, mode=UpdateMode.REPLACE)
        for partition in ("plans", "steps", "approvals", "waves"):
            table.upsert_entity({"PartitionKey": partition, "RowKey": planned.plan, "state": "cancelled"})
