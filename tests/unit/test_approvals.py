"""An approval counts only if every rule holds at the moment it is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.keys import LocalSigner
from shared.domain.errors import IntegrityError, Refused, Unusable
from shared.domain.plan import Approver, Approvers, Decision
from shared.engines import jws
from shared.engines.approvals import ApprovalDesk, read_approvers, store_approvers
from shared.engines.evidence import WaveStart, approval_blob, approvers_blob, nonce_blob, plan_folder, wave_blob
from shared.engines.jws import Purpose
from shared.engines.wire import encode
from tests.restore_world import APPROVERS, EXECUTION_KEY, PLAN_KEY, World, approvers_document, world

ONE, TWO, THREE = APPROVERS
STRANGER = LocalSigner.generate()


async def make() -> World:
    return await world(approve=False)


async def test_two_approvers_make_a_quorum_and_one_does_not() -> None:
    one = await make()
    await one.approve(ONE)
    quorum = await one.desk().quorum(await one.stored(), 3)
    assert (quorum.reached, quorum.key_ids) == (False, (ONE.key_id,))
    await one.approve(TWO)
    quorum = await one.desk().quorum(await one.stored(), 3)
    assert quorum.reached
    assert set(quorum.key_ids) == {ONE.key_id, TWO.key_id}


async def test_one_key_used_twice_counts_once() -> None:
    one = await make()
    for nonce in ("nonce-a-00", "nonce-b-00", "nonce-c-00"):
        await one.desk().record(await one.approval(ONE, nonce=nonce))
    quorum = await one.desk().quorum(await one.stored(), 3)
    assert (quorum.reached, quorum.key_ids) == (False, (ONE.key_id,))
    assert "1 of 2" in quorum.why()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"tenant": "99999999-2222-3333-4444-555555555555"}, "another tenant"),
        ({"plan": "p9"}, "a plan that is not there"),
        ({"digest": "0" * 64}, "digest is not the plan's"),
        ({"waves": (3, 77)}, "waves that the plan doesn't have"),
    ],
)
async def test_an_approval_of_something_else_is_refused_and_says_so(changes: dict[str, Any], rule: str) -> None:
    one = await make()
    with pytest.raises(Refused, match=rule):
        await one.desk().record(await one.approval(ONE, **changes))


async def test_an_expired_approval_is_refused_and_one_that_expires_later_stops_counting() -> None:
    one = await make()
    now = one.clock.now()
    with pytest.raises(Refused, match="expired"):
        await one.desk().record(await one.approval(ONE, expires_at=now))
    soon = now.replace(hour=now.hour + 1)
    for key in (ONE, TWO):
        await one.desk().record(await one.approval(key, expires_at=soon))
    stored = await one.stored()
    assert (await one.desk().quorum(stored, 3)).reached
    one.clock.advance(3600)
    quorum = await one.desk().quorum(stored, 3)
    assert not quorum.reached
    assert all("expired" in why for why in quorum.ignored)


async def test_a_wave_that_started_runs_to_its_end_though_its_approvals_expire() -> None:
    one = await make()
    soon = one.clock.now().replace(minute=30)
    for key in (ONE, TWO):
        await one.desk().record(await one.approval(key, expires_at=soon))
    stored = await one.stored()
    assert await one.desk().start_wave(stored, 3, EXECUTION_KEY) == ""
    one.clock.advance(7200)
    assert await one.desk().closed(stored, 3) == ""
    assert await one.desk().start_wave(stored, 3, EXECUTION_KEY) == ""
    assert "expired" in await one.desk().closed(stored, 5)


async def test_signatures_of_strangers_other_purposes_and_altered_tokens_are_refused() -> None:
    one = await make()
    token = await one.approval(ONE)
    head, payload, signature = token.split(b".")
    altered = b".".join([head, payload[:-2] + b"AA", signature])
    other_purpose = await jws.sign(ONE, Purpose.PLAN, jws.verify(token, Purpose.APPROVAL, ONE.public_keys))
    for bad in (await one.approval(STRANGER), altered, other_purpose, b"", b"a.b", b"x" * 20_000):
        with pytest.raises((Refused, Unusable)):
            await one.desk().record(bad)
    assert not [name for name in one.evidence.blobs if "/approvals/" in name or "/nonces/" in name]


async def test_the_same_approval_again_changes_nothing_even_signed_anew() -> None:
    one = await make()
    token = await one.approval(ONE)
    await one.desk().record(token)
    blobs = dict(one.evidence.blobs)
    await one.desk().record(token)
    again = await one.approval(ONE)
    assert again != token  # ES256 is randomised
    await one.desk().record(again)
    assert one.evidence.blobs == blobs


async def test_a_nonce_works_for_one_approval_only() -> None:
    one = await make()
    await one.desk().record(await one.approval(ONE, nonce="nonce-a-00"))
    for bad in (
        await one.approval(TWO, nonce="nonce-a-00"),
        await one.approval(ONE, nonce="nonce-a-00", waves=(3,)),
    ):
        with pytest.raises(Refused, match="nonce was used"):
            await one.desk().record(bad)
    for nonce in ("", "a/b/c/d/e/f", "../../../x", "UPPERCASE0", "n" * 80):
        with pytest.raises(Unusable, match="nonce"):
            await one.desk().record(await one.approval(ONE, nonce=nonce))


async def test_recording_that_died_between_nonce_and_approval_is_finished_by_the_next_delivery() -> None:
    one = await make()
    token = await one.approval(ONE, nonce="nonce-a-00")
    await one.desk().record(token)
    del one.evidence.blobs[approval_blob(one.tenant, one.plan.id, "nonce-a-00")]
    assert not (await one.desk().quorum(await one.stored(), 3)).key_ids
    await one.desk().record(token)
    assert (await one.desk().quorum(await one.stored(), 3)).key_ids == (ONE.key_id,)


async def test_blobs_put_among_the_approvals_by_others_neither_approve_nor_stop() -> None:
    one = await make()
    await one.approve(ONE)
    folder = f"{plan_folder(one.tenant, one.plan.id)}approvals/"
    good = await one.approval(TWO, nonce="nonce-b-00")
    one.evidence.blobs[f"{folder}nonce-x-00.jws"] = good  # under another nonce
    one.evidence.blobs[f"{folder}nonce-b-00.jws"] = good  # its nonce was never used up
    one.evidence.blobs[f"{folder}nonce-r-00.jws"] = await one.approval(STRANGER, decision=Decision.REJECT)
    one.evidence.blobs[f"{folder}noise.jws"] = b"\xff" * 100
    quorum = await one.desk().quorum(await one.stored(), 3)
    assert (quorum.key_ids, quorum.rejected_by, len(quorum.ignored)) == ((ONE.key_id,), (), 4)


async def test_who_asked_for_the_plan_never_counts() -> None:
    one = await make()
    other = replace(one.plan, id="pasked")
    await one.view().store_plan(other, PLAN_KEY, requested_by=ONE.key_id)
    stored = await one.view().load_plan("pasked")
    with pytest.raises(Refused, match="asked for the plan"):
        await one.desk().record(await one.approval(ONE, plan="pasked", digest=stored.digest))
    await one.desk().record(await one.approval(TWO, plan="pasked", digest=stored.digest))
    assert (await one.desk().quorum(stored, 3)).key_ids == (TWO.key_id,)


async def test_one_rejection_stops_the_plan_whatever_was_approved_and_however_old_it_is() -> None:
    one = await make()
    await one.approve(ONE, TWO)
    past = one.clock.now().replace(year=2020)
    await one.desk().record(await one.approval(THREE, decision=Decision.REJECT, expires_at=past))
    quorum = await one.desk().quorum(await one.stored(), 3)
    assert (quorum.reached, quorum.rejected_by) == (False, (THREE.key_id,))
    assert "rejected" in await one.desk().start_wave(await one.stored(), 3, EXECUTION_KEY)


async def test_an_approval_lets_its_own_waves_run_only() -> None:
    one = await make()
    for key in (ONE, TWO):
        await one.desk().record(await one.approval(key, waves=(3,)))
    stored = await one.stored()
    assert (await one.desk().quorum(stored, 3)).reached
    assert not (await one.desk().quorum(stored, 5)).reached


async def test_the_approvers_document_must_be_the_one_in_the_settings() -> None:
    one = await make()
    name = approvers_blob(one.tenant, one.approvers_sha256)
    one.evidence.blobs[name] = encode(approvers_document(needed=1))
    with pytest.raises(Refused, match="digest differs"):
        await one.desk().approvers()
    del one.evidence.blobs[name]
    with pytest.raises(Refused, match="not in the vault"):
        await one.desk().approvers()
    with pytest.raises(Refused, match="no approvers are set"):
        await ApprovalDesk(one.view(), one.clock, "").approvers()


def _approver(key: LocalSigner, **changes: Any) -> Approver:
    return replace(Approver(key.key_id, jws.to_jwk(key.public_key), "somebody"), **changes)


@pytest.mark.parametrize(
    "document",
    [
        Approvers(0, (_approver(ONE),)),
        Approvers(2, (_approver(ONE),)),
        Approvers(1, ()),
        Approvers(2, (_approver(ONE), _approver(ONE, person="another name"))),
        Approvers(1, (_approver(ONE, key_id=TWO.key_id),)),
        Approvers(1, (_approver(ONE, jwk={"kty": "EC"}),)),
    ],
)
def test_a_document_that_can_make_no_true_quorum_is_unusable(document: Approvers) -> None:
    with pytest.raises(Unusable):
        read_approvers(encode(document))


async def test_a_wave_start_that_the_executor_did_not_sign_is_not_believed() -> None:
    one = await make()
    stored = await one.stored()
    start = WaveStart(one.plan.id, stored.digest, 3, one.clock.now(), (), ())
    name = wave_blob(one.tenant, one.plan.id, 3)
    one.evidence.blobs[name] = await jws.sign(STRANGER, Purpose.EXECUTION, encode(start))
    with pytest.raises(IntegrityError, match="not what its place demands"):
        await one.desk().closed(stored, 3)
    one.evidence.blobs[name] = await jws.sign(EXECUTION_KEY, Purpose.EXECUTION, encode(replace(start, digest="x")))
    with pytest.raises(Refused, match="another plan"):
        await one.desk().closed(stored, 3)


async def test_storing_the_same_approvers_again_is_no_change() -> None:
    one = await make()
    assert await store_approvers(one.evidence, one.tenant, approvers_document()) == one.approvers_sha256
    assert nonce_blob(one.tenant, "nonce-a-00") not in one.evidence.blobs
