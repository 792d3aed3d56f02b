"""An override: fewer approvers than are needed, after a wait in which any of them can end it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from functions import control_queue
from shared.adapters.keys import LocalSigner
from shared.adapters.memory import MemoryQueue
from shared.domain.errors import Refused, StorageDown
from shared.domain.plan import USUAL, Decision
from shared.domain.queues import QUEUES, poison
from shared.engines.approvals import ApprovalDesk
from shared.engines.evidence import Evidence, WaveStart, sha256, wave_blob
from shared.engines.jws import Purpose
from shared.engines.overrides import OverrideOpened, override_blob
from shared.engines.restore_requests import approval_message
from tests.faults import Faults, FaultyBlobStore, fail
from tests.restore_world import APPROVERS, EVIDENCE_KEY, EXECUTION_KEY, KEYS, PLAN_KEY, World, world

ONE, TWO, THREE = APPROVERS
WAIT = 86_400.0


async def make() -> World:
    return await world(approve=False)


def recorder(one: World, *, wait: float = WAIT, evidence: Evidence | None = None) -> ApprovalDesk:
    """The backup app's side."""
    return ApprovalDesk(evidence or one.view(), one.clock, one.approvers_sha256, wait, EVIDENCE_KEY)


def executor(one: World, *, wait: float = WAIT) -> ApprovalDesk:
    """The restore app's side, which records nothing."""
    return ApprovalDesk(one.view(), one.clock, one.approvers_sha256, wait)


async def signed(one: World, key: LocalSigner, decision: Decision, **changes: Any) -> bytes:
    nonce = f"nonce-{decision.value}-{APPROVERS.index(key)}"
    return await one.approval(key, **{"decision": decision, "nonce": nonce, **changes})


async def opened(one: World) -> None:
    await recorder(one).record(await signed(one, ONE, Decision.OVERRIDE))


async def test_one_approver_is_enough_after_the_wait_and_the_wave_says_by_what() -> None:
    one = await make()
    await opened(one)
    stored = await one.stored()
    quorum = await executor(one).quorum(stored, 3)
    assert (quorum.reached, len(quorum.key_ids), quorum.needed) == (False, 1, 2)
    assert "holds from" in quorum.why()
    assert "unless an approver withdraws it" in quorum.why()
    one.clock.advance(WAIT - 1)
    assert await executor(one).start_wave(stored, 3, EXECUTION_KEY) != ""
    one.clock.advance(1)
    assert await executor(one).start_wave(stored, 3, EXECUTION_KEY) == ""
    name = wave_blob(one.tenant, one.plan.id, 3)
    start = await one.view().find_signed(WaveStart, name, Purpose.EXECUTION)
    assert start is not None
    assert (start.override, start.approvers) == ("nonce-override-0", (ONE.key_id,))


async def test_an_override_is_a_yes_at_once_and_isnt_named_where_enough_said_yes() -> None:
    one = await make()
    await opened(one)
    await recorder(one).record(await signed(one, TWO, Decision.APPROVE))
    quorum = await executor(one).quorum(await one.stored(), 3)
    assert (quorum.reached, quorum.by_override) == (True, "")


@pytest.mark.parametrize("late", [False, True])
async def test_any_approver_withdraws_it_for_good(late: bool) -> None:
    one = await make()
    await opened(one)
    if late:
        one.clock.advance(WAIT + 1)
    await recorder(one).record(await signed(one, THREE, Decision.WITHDRAW))
    one.clock.advance(WAIT + 1)
    quorum = await executor(one).quorum(await one.stored(), 3)
    assert not quorum.reached
    assert "withdrawn" in quorum.why()
    with pytest.raises(Refused, match="withdrew"):
        await recorder(one).record(await signed(one, TWO, Decision.OVERRIDE))
    await recorder(one).record(await signed(one, TWO, Decision.APPROVE))
    assert (await executor(one).quorum(await one.stored(), 3)).reached


async def test_a_rejection_and_a_wave_that_asks_for_more_stop_an_override() -> None:
    one = await make()
    await opened(one)
    one.clock.advance(WAIT)
    await recorder(one).record(await signed(one, TWO, Decision.REJECT))
    assert not (await executor(one).quorum(await one.stored(), 3)).reached
    other = await world(approve=False)
    stored = await other.stored()
    asking = replace(
        stored, plan=replace(stored.plan, waves=tuple(replace(w, asks=("removes",)) for w in stored.plan.waves))
    )
    await recorder(other).record(await signed(other, ONE, Decision.OVERRIDE))
    other.clock.advance(WAIT)
    quorum = await executor(other).quorum(asking, 3)
    assert not quorum.reached
    assert "acknowledge" in quorum.why()


async def test_one_that_leaves_unsaid_what_its_waves_ask_for_is_refused_when_it_is_handed_in() -> None:
    """It could never count, however long anybody waited for it."""
    made = (await make()).plan
    asking = replace(made, waves=tuple(replace(wave, asks=("removes",)) for wave in made.waves))
    one = await world(plan=asking, approve=False)
    with pytest.raises(Refused, match="acknowledge removes"):
        await recorder(one).record(await signed(one, ONE, Decision.OVERRIDE, acknowledged=()))
    await recorder(one).record(await signed(one, ONE, Decision.OVERRIDE))
    one.clock.advance(WAIT)
    assert (await executor(one).quorum(await one.stored(), 3)).reached


async def test_when_it_was_handed_in_is_believed_of_the_recorder_alone() -> None:
    """No record, one by another key, and one about another approval: none lets anything run."""
    one = await make()
    token = await signed(one, ONE, Decision.OVERRIDE)
    await recorder(one).record(token)
    stored, name = await one.stored(), override_blob(one.tenant, one.plan.id, "nonce-override-0")
    held = one.evidence.blobs.pop(name)
    one.clock.advance(10 * WAIT)
    assert not (await executor(one).quorum(stored, 3)).reached
    long_ago = one.clock.now() - timedelta(days=30)
    said = OverrideOpened(
        one.tenant, one.plan.id, stored.digest, "nonce-override-0", ONE.key_id, "ab" * 32, long_ago
    )
    for key, value in (
        (ONE, said),
        (PLAN_KEY, said),
        (EVIDENCE_KEY, said),
        (EVIDENCE_KEY, replace(said, plan="p9", payload_sha256=sha256(b""))),
    ):
        await one.view().write_signed(name, Purpose.EVIDENCE, key, value)
        quorum = await executor(one).quorum(stored, 3)
        assert not quorum.reached
        assert quorum.override is None
        one.evidence.blobs.pop(name)
    one.evidence.blobs[name] = held
    assert (await executor(one).quorum(stored, 3)).reached


async def test_each_side_waits_by_its_own_setting() -> None:
    one = await make()
    await opened(one)
    one.clock.advance(WAIT)
    stored = await one.stored()
    assert (await executor(one).quorum(stored, 3)).reached
    assert not (await executor(one, wait=2 * WAIT).quorum(stored, 3)).reached
    assert not (await executor(one, wait=0).quorum(stored, 3)).reached
    with pytest.raises(Refused, match="switched off"):
        await recorder(one, wait=0).record(await signed(one, TWO, Decision.OVERRIDE))
    with pytest.raises(Refused, match="who records"):
        await executor(one).record(await signed(one, TWO, Decision.OVERRIDE))


async def test_who_asked_for_the_plan_opens_none_and_one_that_ends_too_soon_is_refused() -> None:
    one = await make()
    soon = one.clock.now() + timedelta(seconds=WAIT)
    with pytest.raises(Refused, match="expire before it holds"):
        await recorder(one).record(await signed(one, ONE, Decision.OVERRIDE, expires_at=soon))
    stored = await one.stored()
    asked = replace(stored, commit=replace(stored.commit, requested_by=ONE.key_id))
    await opened(one)
    one.clock.advance(WAIT)
    assert not (await executor(one).quorum(asked, 3)).reached
    one.clock.advance(2 * 366 * 86_400)
    assert "expired" in (await executor(one).quorum(stored, 3)).why()


async def test_a_recorder_that_died_is_finished_by_the_next_delivery_and_the_first_time_counts() -> None:
    one = await make()
    token = await signed(one, ONE, Decision.OVERRIDE)
    faults = Faults(fail("overrides/", lambda: StorageDown("away"), times=1))
    faulty = Evidence(FaultyBlobStore(one.evidence, faults), one.tenant, KEYS)
    with pytest.raises(StorageDown):
        await recorder(one, evidence=faulty).record(token)
    one.clock.advance(WAIT)
    assert not (await executor(one).quorum(await one.stored(), 3)).reached
    await recorder(one).record(token)
    one.clock.advance(WAIT - 60)
    await recorder(one).record(token)
    one.clock.advance(60)
    assert (await executor(one).quorum(await one.stored(), 3)).reached
    message = approval_message(token)
    assert "override" not in message.replace(token.decode(), ""), "the message says nothing that counts"


class BackupApp:
    """What the control queue's function uses of its parts."""

    def __init__(self, one: World) -> None:
        self.settings = SimpleNamespace(
            tenant_id=one.tenant,
            approvers_sha256=one.approvers_sha256,
            override_wait=WAIT,
            thresholds=USUAL,
            break_glass_ids=(),
            client_id="",
            identity_client_id="",
        )
        self.keys = {
            Purpose.PLAN: PLAN_KEY.public_keys,
            Purpose.EXECUTION: EXECUTION_KEY.public_keys,
            Purpose.EVIDENCE: EVIDENCE_KEY.public_keys,
        }
        self.signers = {Purpose.PLAN: PLAN_KEY, Purpose.EVIDENCE: EVIDENCE_KEY}
        self.evidence, self.clock, self.tables = one.evidence, one.clock, one.rows
        names = [spec.name for spec in QUEUES]
        self.queues = {name: MemoryQueue(name, one.clock) for name in (*names, *map(poison, names))}
        self.repository = self.directory = self.catalog = self.audit = self.scratch = None
        self.earlier = ()


async def test_the_app_alarms_each_override_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = await make()
    app = BackupApp(one)

    async def parts() -> Any:
        return app

    monkeypatch.setattr(control_queue, "parts", parts)
    function: Any = control_queue.restore_control
    for key, decision, alarmed in ((TWO, Decision.APPROVE, 0), (ONE, Decision.OVERRIDE, 1)):
        caplog.clear()
        body = approval_message(await signed(one, key, decision)).encode()
        message = SimpleNamespace(id="m1", get_body=lambda body=body: body)
        with caplog.at_level(logging.INFO, logger="holdfast"):
            await function._function.get_user_function()(message)
        told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(told) == alarmed
        assert all(text.startswith("restore.override ") and one.plan.id in text for text in told)
