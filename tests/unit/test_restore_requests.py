"""Messages are hints: what they ask for is checked against the evidence, and what can't be read costs one row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import MemoryQueue
from shared.catalog.registry import CATALOG
from shared.domain.errors import GraphDown, GraphUnauthorized, IntegrityError, Unusable
from shared.domain.plan import Decision, RestorePlan, Scope
from shared.domain.ports import Row
from shared.engines.erasure import ErasureDesk
from shared.engines.evidence import Evidence, plan_folder, plan_id
from shared.engines.plan_making import SnapshotPlanMaker
from shared.engines.restore_requests import (
    Answer,
    PlanMaker,
    PlanRequest,
    RestoreDesk,
    apply_request,
    approval_message,
    cancel_message,
    cancel_request,
    plan_request,
    read_control,
    read_request,
    read_step,
    read_verify,
    resume_request,
    signed_request,
    step_message,
    verify_message,
)
from shared.engines.wire import encode
from tests.faults import Faults, FaultyBlobStore, crash_points, run_until_crash
from tests.restore_world import APPROVERS, EVIDENCE_KEY, KEYS, PLAN_KEY, World, world

REQUEST = "request-0001"


@dataclass
class Planner:
    """Plans the same restore for every request; each plan differs by its time, as a real one does."""

    world: World
    asked: list[PlanRequest] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    async def __call__(self, plan: str, request: PlanRequest) -> RestorePlan:
        self.asked.append(request)
        if self.errors:
            raise self.errors.pop()
        self.world.clock.advance(1)
        return replace(self.world.plan, id=plan, scope=request.scope, created_at=self.world.clock.now())


class Office:
    """The backup app over a world."""

    def __init__(self, one: World, faults: Faults | None = None, planner: PlanMaker | None = None) -> None:
        self.world = one
        self.planner = Planner(one)
        self.poison = MemoryQueue("restore-requests-poison", one.clock)
        evidence = Evidence(FaultyBlobStore(one.evidence, faults or Faults()), one.tenant, KEYS)
        self.desk = RestoreDesk(
            evidence=evidence,
            desk=one.desk(evidence),
            plan_signer=PLAN_KEY,
            make_plan=planner or self.planner,
            erasures=ErasureDesk(evidence, one.desk(evidence), EVIDENCE_KEY, one.clock),
            steps=one.steps,
            verify=one.verify,
            rows=one.rows,
            clock=one.clock,
            poison=self.poison,
        )

    async def ask(self, body: str) -> tuple[Answer, str]:
        handled = await self.desk.handle_request(body.encode())
        return handled.answer, handled.why

    async def control(self, body: str) -> tuple[Answer, str]:
        handled = await self.desk.handle_control(body.encode())
        return handled.answer, handled.why

    @property
    def plan(self) -> str:
        return plan_id(self.world.tenant, REQUEST)


@pytest.fixture
async def office() -> Office:
    return Office(await world())


async def planned(office: Office) -> str:
    """Asks for a plan; its digest."""
    assert (await office.ask(plan_request(REQUEST)))[0] is Answer.PLANNED
    stored = await office.world.view().load_plan(office.plan)
    office.world.plan = stored.plan
    return stored.digest


@pytest.mark.parametrize("asked", ["contain", "prune", "rescue"])
async def test_a_message_that_asks_another_tenant_for_what_the_damaged_one_needs_is_refused(asked: str) -> None:
    """By the planner that the apps have, before it opens a snapshot or reads the tenant."""
    one, nothing = await world(), cast(Any, None)
    planner = SnapshotPlanMaker(
        repository=nothing,
        directory=nothing,
        catalog=CATALOG,
        audit=nothing,
        clock=one.clock,
        scratch=nothing,
        temporary=None,
        evidence=one.view(),
        break_glass_ids=(),
    )
    office = Office(one, planner=planner)
    scope = replace(Scope(into="77777777-1111-4111-8111-111111111111"), **{asked: True})
    answer, why = await office.ask(plan_request(REQUEST, scope=scope))
    assert answer is Answer.REFUSED
    assert f"--{asked} is not for another tenant" in why
    assert f"holdfast plan SNAPSHOT --{asked} (without --into)" in why
    row = await office.world.rows.get("plans", office.plan)
    assert row is not None
    assert (row.values["state"], row.values["why"]) == ("failed", why)


async def test_a_plan_is_stored_signed_and_shown_as_awaiting_approval(office: Office) -> None:
    digest = await planned(office)
    row = await office.world.rows.get("plans", office.plan)
    assert row is not None
    assert (row.values["state"], row.values["digest"]) == ("awaitingApproval", digest)
    answered = await office.world.rows.get("requests", REQUEST)
    assert answered is not None
    assert answered.values["answer"] == "planned"
    assert office.world.steps.bodies == []


async def test_the_same_request_twice_is_one_plan(office: Office) -> None:
    digest = await planned(office)
    blobs = dict(office.world.evidence.blobs)
    await office.ask(plan_request(REQUEST))
    assert (await office.world.view().load_plan(office.plan)).digest == digest
    assert (office.world.evidence.blobs, len(office.planner.asked)) == (blobs, 1)


async def test_the_same_request_id_for_something_else_is_refused(office: Office) -> None:
    await planned(office)
    for other in (
        plan_request(REQUEST, scope=Scope(types=("users",))),
        plan_request(REQUEST, snapshot="20200101T000000Z-full"),
        await signed_request(APPROVERS[2], plan_request(REQUEST)),
    ):
        answer, why = await office.ask(other)
        assert (answer, "requestId was used" in why) == (Answer.REFUSED, True)


async def test_dying_at_any_write_of_planning_ends_as_one_signed_plan() -> None:
    for rule in crash_points(3):
        one = await world()
        assert await run_until_crash(Office(one, Faults(rule)).ask(plan_request(REQUEST)))
        office = Office(one)
        assert (await office.ask(plan_request(REQUEST)))[0] is Answer.PLANNED
        await one.view().load_plan(office.plan)


async def test_a_plan_that_somebody_else_put_there_is_neither_signed_nor_run() -> None:
    one = await world()
    office = Office(one)
    foreign = encode(replace(one.plan, id=office.plan))
    one.evidence.blobs[f"{plan_folder(one.tenant, office.plan)}plan.json"] = foreign
    with pytest.raises(IntegrityError, match="without a draft of ours"):
        await office.ask(plan_request(REQUEST))
    assert f"{plan_folder(one.tenant, office.plan)}plan.jws" not in one.evidence.blobs


async def test_an_unusable_request_says_why_and_a_failure_comes_back(office: Office) -> None:
    office.planner.errors = [Unusable("there is no such snapshot", object_id="x")]
    answer, why = await office.ask(plan_request(REQUEST, snapshot="20200101T000000Z-full"))
    assert (answer, "no such snapshot" in why) == (Answer.REFUSED, True)
    row = await office.world.rows.get("plans", office.plan)
    assert row is not None
    assert row.values["state"] == "failed"
    office.planner.errors = [GraphDown("no answer")]
    with pytest.raises(GraphDown):
        await office.ask(plan_request("request-0002"))
    office.planner.errors = [GraphUnauthorized("expired", status=401)]
    with pytest.raises(GraphUnauthorized):
        await office.ask(plan_request("request-0003"))
    failed = await office.world.rows.get("requests", "request-0003")
    assert failed is not None
    assert failed.values["answer"] == "failed"


async def test_a_wrong_digest_starts_nothing(office: Office) -> None:
    await planned(office)
    office.world.clock.advance(1)
    for key in APPROVERS[:2]:
        token = await office.world.approval(key, nonce=f"fresh-{key.key_id[:4].lower().replace('_', 'x')}-0x")
        assert (await office.control(approval_message(token)))[0] is Answer.RECORDED
    answer, why = await office.ask(apply_request("request-0009", office.plan, "0" * 64))
    assert (answer, "digest" in why, office.world.steps.bodies) == (Answer.REFUSED, True, [])


async def test_without_a_quorum_nothing_starts_whatever_the_rows_say(office: Office) -> None:
    digest = await planned(office)
    await office.world.rows.replace(
        Row("plans", office.plan, {"state": "running", "digest": digest, "approvals": 5})
    )
    answer, why = await office.ask(apply_request("request-0009", office.plan, digest))
    assert (answer, office.world.steps.bodies) == (Answer.AWAITING_APPROVAL, [])
    assert "0 of 2" in why
    await office.world.steps.send(step_message(office.plan, "s1"))  # and a message alone runs nothing
    results = await office.world.process().drain()
    assert [result.end.value for result in results] == ["awaitingApproval"]


async def test_an_approved_plan_starts_its_first_steps_and_repeating_it_is_harmless(office: Office) -> None:
    digest = await planned(office)
    for number, key in enumerate(APPROVERS[:2]):
        token = await office.world.approval(key, nonce=f"fresh-nonce-{number}")
        assert (await office.control(approval_message(token)))[0] is Answer.RECORDED
    assert (await office.ask(apply_request("request-0009", office.plan, digest)))[0] is Answer.STARTED
    assert [json.loads(body)["step"] for body in office.world.steps.bodies] == ["s1"]
    await office.ask(apply_request("request-0009", office.plan, digest))
    await office.world.process().drain()
    assert set((await office.world.ends()).values()) == {"done"}
    answer, why = await office.ask(apply_request("request-0010", office.plan, digest))
    assert (answer, why) == (Answer.STARTED, "every step is done")
    assert json.loads(office.world.verify.bodies[-1])["plan"] == office.plan


async def test_a_later_wave_goes_on_when_its_approvals_come(office: Office) -> None:
    digest = await planned(office)
    for number, key in enumerate(APPROVERS[:2]):
        token = await office.world.approval(key, nonce=f"first-wave-{number}", waves=(3,))
        await office.control(approval_message(token))
    await office.ask(apply_request("request-0009", office.plan, digest))
    await office.world.process().drain()
    assert (await office.world.ends())["patch-policy"] == ""
    for number, key in enumerate(APPROVERS[:2]):
        token = await office.world.approval(key, nonce=f"second-wave-{number}", waves=(5,))
        await office.control(approval_message(token))
    await office.world.process().drain()
    assert set((await office.world.ends()).values()) == {"done"}


async def test_resuming_needs_a_plan_that_was_started(office: Office) -> None:
    digest = await planned(office)
    for number, key in enumerate(APPROVERS[:2]):
        await office.control(approval_message(await office.world.approval(key, nonce=f"fresh-nonce-{number}")))
    answer, why = await office.ask(resume_request("request-0009", office.plan))
    assert (answer, "never started" in why) == (Answer.REFUSED, True)
    await office.ask(apply_request("request-0010", office.plan, digest))
    (message,) = office.world.steps.receive()
    await office.world.process().serve(message)
    for lost in office.world.steps.receive(limit=9):
        office.world.steps.delete(lost)
    assert office.world.steps.bodies == []
    assert (await office.ask(resume_request("request-0011", office.plan)))[0] is Answer.STARTED
    assert [json.loads(body)["step"] for body in office.world.steps.bodies] == ["s2"]


@pytest.mark.parametrize("by", ["request", "control"])
async def test_a_cancelled_plan_runs_no_further_step(office: Office, by: str) -> None:
    digest = await planned(office)
    for number, key in enumerate(APPROVERS[:2]):
        await office.control(approval_message(await office.world.approval(key, nonce=f"fresh-nonce-{number}")))
    await office.ask(apply_request("request-0009", office.plan, digest))
    if by == "request":
        assert (await office.ask(cancel_request("request-0010", office.plan)))[0] is Answer.CANCELLED
    else:
        assert (await office.control(cancel_message(office.plan)))[0] is Answer.CANCELLED
    results = await office.world.process().drain()
    assert [result.end.value for result in results] == ["refused"]
    assert (await office.ask(apply_request("request-0011", office.plan, digest)))[0] is Answer.REFUSED


async def test_a_rejection_stops_a_plan_that_has_its_approvals(office: Office) -> None:
    digest = await planned(office)
    for number, key in enumerate(APPROVERS[:2]):
        await office.control(approval_message(await office.world.approval(key, nonce=f"fresh-nonce-{number}")))
    token = await office.world.approval(APPROVERS[2], nonce="a-rejection-0", decision=Decision.REJECT)
    assert (await office.control(approval_message(token)))[0] is Answer.RECORDED
    answer, why = await office.ask(apply_request("request-0009", office.plan, digest))
    assert (answer, "rejected" in why, office.world.steps.bodies) == (Answer.AWAITING_APPROVAL, True, [])


async def test_who_signed_the_request_does_not_count_as_an_approver(office: Office) -> None:
    body = await signed_request(APPROVERS[0], plan_request(REQUEST))
    assert (await office.ask(body))[0] is Answer.PLANNED
    office.world.plan = (await office.world.view().load_plan(office.plan)).plan
    token = await office.world.approval(APPROVERS[0], nonce="fresh-nonce-0")
    answer, why = await office.control(approval_message(token))
    assert (answer, "asked for the plan" in why) == (Answer.REJECTED, True)


async def test_a_request_signed_by_a_stranger_is_set_aside(office: Office) -> None:
    stranger = LocalSigner.generate()
    assert (await office.ask(await signed_request(stranger, plan_request(REQUEST))))[0] is Answer.REJECTED
    nested = await signed_request(APPROVERS[0], apply_request("request-0001", "p1", "0" * 64))
    assert (await office.ask(nested))[0] is Answer.REJECTED
    assert office.planner.asked == []


async def test_a_forged_approval_is_set_aside_and_names_its_rule(office: Office) -> None:
    await planned(office)
    token = await office.world.approval(LocalSigner.generate(), nonce="fresh-nonce-0")
    answer, why = await office.control(approval_message(token))
    assert (answer, "signature is not valid" in why) == (Answer.REJECTED, True)


# --- noise


NOISE = [
    b"",
    b"null",
    b"[]",
    b"\xff\xfe\x00" * 16_000,
    b"{" * 49_000,
    b"x" * 49_152,
    b'{"v":1}',
    b'{"v":1,"kind":"what"}',
    b'{"v":2,"kind":"resume","requestId":"request-0001","plan":"p1"}',
    b'{"v":1,"kind":"resume","requestId":"a/../b","plan":"p1"}',
    b'{"v":1,"kind":"resume","requestId":"request-0001","plan":"p1","more":1}',
    b'{"v":1,"kind":"resume","requestId":1,"plan":"p1"}',
    b'{"v":"1","kind":"resume","requestId":"request-0001","plan":"p1"}',
    b'{"v":1,"kind":"plan","requestId":"request-0001","scope":{"types":"users","ids":[]}}',
]


@pytest.mark.parametrize("body", NOISE, ids=range(len(NOISE)))
async def test_noise_costs_one_row_keeps_nothing_of_its_contents_and_is_not_tried_again(
    office: Office, body: bytes
) -> None:
    before = dict(office.world.evidence.blobs)
    for _ in range(2):
        handled = await office.desk.handle_request(body)
        assert handled.answer is Answer.REJECTED
        assert (await office.desk.handle_control(body)).answer is Answer.REJECTED
    rows = [row async for row in office.world.rows.query(f"rejected-{office.world.clock.now():%Y%m%d%H}")]
    assert len(rows) == 1
    assert rows[0].values["length"] == len(body)
    assert len(str(rows[0].values["why"])) < 200
    assert b"x" * 100 not in str(rows[0]).encode()
    assert len(office.poison.bodies) == 1 or len(body) > 48 * 1024
    assert office.world.evidence.blobs == before
    for read in (read_request, read_control, read_step, read_verify):
        with pytest.raises(Unusable):
            read(body)


async def test_a_flood_of_noise_fills_nothing(office: Office) -> None:
    for number in range(300):
        await office.desk.handle_request(b"noise %d" % number)
    rows = [row async for row in office.world.rows.query(f"rejected-{office.world.clock.now():%Y%m%d%H}")]
    assert (len(rows), len(office.poison.bodies)) == (200, 200)
    office.world.clock.advance(3600)
    await office.desk.handle_request(b"noise of the next hour")
    assert len(office.poison.bodies) == 201


async def test_messages_for_plans_that_are_not_there_are_refused(office: Office) -> None:
    for body in (
        apply_request("request-0001", "pnone", "0" * 64),
        cancel_request("request-0002", "pnone"),
        resume_request("request-0003", "pnone"),
        resume_request("request-0004", "../../chain"),
    ):
        assert (await office.ask(body))[0] is Answer.REFUSED
    assert (await office.control(cancel_message("pnone")))[0] is Answer.REJECTED


def test_messages_read_back_as_they_were_written() -> None:
    assert read_step(step_message("p1", "s1").encode()).step == "s1"
    assert read_verify(verify_message("p1").encode()).plan == "p1"
    scope = Scope(types=("users",), ids=("a",))
    request = read_request(plan_request(REQUEST, snapshot="s", scope=scope).encode())
    assert isinstance(request, PlanRequest)
    assert (request.snapshot, request.scope) == ("s", scope)
