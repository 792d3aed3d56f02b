"""The erasure list: one approver adds, a quorum lifts; planner and executor bring nobody on it back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.domain.erasure import Erased, ErasureAction, ErasureWord, erasure_name
from shared.domain.errors import Refused, StorageDown, Unusable
from shared.domain.plan import Mechanism, Reason
from shared.engines import jws
from shared.engines.approvals import ApprovalDesk, store_approvers
from shared.engines.erasure import ErasureDesk, Erasures, erasure_blob
from shared.engines.evidence import Evidence
from shared.engines.jws import Purpose
from shared.engines.restore_requests import Answer, erasure_message, plan_request
from shared.engines.wire import encode
from tests.faults import Faults, FaultyBlobStore, crash_points, fail, run_until_crash
from tests.restore_world import APPROVERS, EVIDENCE_KEY, KEYS, PLAN_KEY, World, approvers_document, start, world
from tests.unit.test_executor import ends, install, run, small, why, writes
from tests.unit.test_planner import mechanisms, only, reasons
from tests.unit.test_restore_requests import Office
from tests.unit.views import Tenant, bins, group, guid, make_plan, policy, user

ADD, LIFT = ErasureAction.ADD, ErasureAction.LIFT


@dataclass
class Book:
    """As much of a world as the list needs."""

    clock: ManualClock = field(default_factory=ManualClock)
    evidence: MemoryBlobStore = field(default_factory=lambda: MemoryBlobStore("evidence-400d"))
    tenant: str = "11111111-1111-4111-8111-111111111111"
    approvers_sha256: str = ""

    def view(self) -> Evidence:
        return Evidence(self.evidence, self.tenant, KEYS)

    def desk(self, evidence: Evidence) -> ApprovalDesk:
        return ApprovalDesk(evidence, self.clock, self.approvers_sha256)


async def book() -> Book:
    made = Book()
    made.approvers_sha256 = await store_approvers(made.evidence, made.tenant, approvers_document())
    return made


class Lister:
    """Writes words on a list as approvers do."""

    def __init__(self, one: World | Book, faults: Faults | None = None) -> None:
        self.world = one
        self.evidence = Evidence(FaultyBlobStore(one.evidence, faults or Faults()), one.tenant, KEYS)
        self.desk = ErasureDesk(self.evidence, one.desk(self.evidence), EVIDENCE_KEY, one.clock)
        self._nonce = 0

    async def word(
        self, who: LocalSigner, object_id: str, action: ErasureAction, changes: dict[str, Any] | None = None
    ) -> bytes:
        self._nonce += 1
        expires = self.world.clock.now() + timedelta(days=1)
        word = ErasureWord(self.world.tenant, object_id, action, "DSR-1", expires, f"n{self._nonce}")
        return await jws.sign(who, Purpose.ERASURE, encode(replace(word, **(changes or {}))))

    async def add(self, object_id: str, who: LocalSigner = APPROVERS[0]) -> None:
        await self.desk.record(await self.word(who, object_id, ADD))

    async def lift(self, object_id: str, who: LocalSigner) -> None:
        await self.desk.record(await self.word(who, object_id, LIFT))

    async def erased(self) -> Erased:
        return await Erasures(self.world.view()).erased()


@pytest.fixture
async def lister() -> Lister:
    return Lister(await book())


ANNA, BERT = guid("anna"), guid("bert")


# --- the list


async def test_one_approver_adds_and_it_takes_the_quorum_to_lift(lister: Lister) -> None:
    assert ANNA not in await lister.erased()
    await lister.add(ANNA)
    erased = await lister.erased()
    assert (ANNA in erased, ANNA.upper() in erased, BERT in erased) == (True, True, False)
    await lister.lift(ANNA, APPROVERS[0])
    assert ANNA in await lister.erased()
    await lister.lift(ANNA, APPROVERS[0])
    assert ANNA in await lister.erased(), "the same approver twice is one"
    await lister.lift(ANNA, APPROVERS[1])
    assert ANNA not in await lister.erased()
    await lister.add(ANNA, APPROVERS[2])
    assert ANNA in await lister.erased()
    await lister.lift(ANNA, APPROVERS[1])
    assert ANNA in await lister.erased(), "what was lifted before it was added again counts no more"


async def test_the_same_word_again_changes_nothing_whenever_it_comes(lister: Lister) -> None:
    added = await lister.word(APPROVERS[0], ANNA, ADD)
    await lister.desk.record(added)
    for who in APPROVERS[:2]:
        await lister.lift(ANNA, who)
    held = dict(lister.world.evidence.blobs)
    lister.world.clock.advance(10 * 86400)
    await lister.desk.record(added)
    assert lister.world.evidence.blobs == held
    assert ANNA not in await lister.erased()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"tenant": "another"}, Refused),
        ({"object_id": "../x"}, Unusable),
        ({"object_id": ""}, Unusable),
        ({"reference": "Anna Berg left"}, Unusable),
        ({"reference": ""}, Unusable),
    ],
    ids=str,
)
async def test_a_word_that_is_none_is_refused(lister: Lister, change: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        await lister.desk.record(await lister.word(APPROVERS[0], ANNA, ADD, change))
    assert await lister.erased() == Erased()


async def test_only_approvers_speak_only_as_words_and_only_in_time(lister: Lister) -> None:
    with pytest.raises(Refused, match="signature is not valid"):
        await lister.desk.record(await lister.word(LocalSigner.generate(), ANNA, ADD))
    with pytest.raises(Refused, match="another purpose"):
        await lister.desk.record(await jws.sign(APPROVERS[0], Purpose.APPROVAL, b"{}"))
    with pytest.raises(Refused, match="not on the erasure list"):
        await lister.lift(ANNA, APPROVERS[0])
    late = await lister.word(APPROVERS[0], ANNA, ADD)
    lister.world.clock.advance(2 * 86400)
    with pytest.raises(Refused, match="expired"):
        await lister.desk.record(late)
    assert await lister.erased() == Erased()


async def test_a_forged_blob_bars_and_never_lets_back_in(lister: Lister) -> None:
    """By whoever may add blobs; by a damaged one; by a key that is trusted no more."""
    tenant, blobs = lister.world.tenant, lister.world.evidence.blobs
    blobs[erasure_blob(tenant, erasure_name(BERT), 1)] = b"noise"
    await lister.add(ANNA)
    await lister.lift(ANNA, APPROVERS[0])
    lift = await Lister(lister.world).word(APPROVERS[1], ANNA, LIFT)
    entry = (await Erasures(lister.evidence).of(ANNA))[0].entries[1]
    forged = replace(entry, number=3, key_id=APPROVERS[1].key_id, word=lift.decode())
    token = await jws.sign(LocalSigner.generate(), Purpose.EVIDENCE, encode(forged))
    blobs[erasure_blob(tenant, erasure_name(ANNA), 3)] = token
    moved = await jws.sign(EVIDENCE_KEY, Purpose.EVIDENCE, encode(replace(forged, number=4)))
    blobs[erasure_blob(tenant, erasure_name(BERT), 2)] = moved
    erased = await lister.erased()
    assert (ANNA in erased, BERT in erased) == (True, True)
    for who in APPROVERS[:2]:  # people can take a false bar away
        await lister.lift(BERT, who)
    assert BERT not in await lister.erased()


async def test_a_death_at_any_write_and_a_lost_answer_leave_one_entry() -> None:
    lost = fail("0001.jws", lambda: StorageDown("down"), before=False)
    for rule in (*crash_points(2), lost):
        one = await book()
        token = await Lister(one).word(APPROVERS[0], ANNA, ADD)
        await run_until_crash(Lister(one, Faults(rule)).desk.record(token))  # a lost answer is settled at once
        await Lister(one).desk.record(token)
        standing, number = await Erasures(one.view()).of(ANNA)
        assert (len(standing.entries), number, standing.barred) == (1, 2, True)


async def test_words_that_come_at_the_same_time_are_all_kept(lister: Lister) -> None:
    words = [await lister.word(who, ANNA, ADD) for who in APPROVERS]
    await asyncio.gather(*(Lister(lister.world).desk.record(word) for word in [*words, *words]))
    standing, _ = await Erasures(lister.world.view()).of(ANNA)
    assert sorted(entry.said.nonce for entry in standing.entries) == ["n1", "n2", "n3"]
    assert [entry.number for entry in standing.entries] == [1, 2, 3]


async def test_a_message_is_recorded_a_bad_one_set_aside_and_another_override_is_another_plan() -> None:
    office = Office(await world(approve=False))
    lister = Lister(office.world)
    good = erasure_message(await lister.word(APPROVERS[0], ANNA, ADD))
    bad = erasure_message(await lister.word(LocalSigner.generate(), BERT, ADD))
    assert await office.control(good) == (Answer.RECORDED, "")
    assert (await office.control(bad))[0] is Answer.REJECTED
    erased = await lister.erased()
    assert (ANNA in erased, BERT in erased) == (True, False)
    assert (await office.ask(plan_request("request-0001")))[0] is Answer.PLANNED
    answer, reason = await office.ask(plan_request("request-0001", despite_erasure=(ANNA,)))
    assert (answer, "requestId was used" in reason) == (Answer.REFUSED, True)


def test_ids_that_restores_replaced_are_one_object() -> None:
    erased = Erased(frozenset({erasure_name("b")}))
    ids = {"a": "b", "b": "c", "x": "y"}
    reached = erased.through(ids)
    assert [one for one in "abcxy" if one in reached] == ["a", "b", "c"]
    assert [one for one in "abcxy" if one in erased.barred(ids, ["c"])] == []
    assert [one for one in "abcxy" if one in erased.barred(ids, ["x"])] == ["a", "b", "c"]


# --- the planner


def _gone() -> tuple[Tenant, Tenant, str, str, str]:
    before = Tenant()
    anna, bert = user(before, "anna"), user(before, "bert")
    staff = group(before, "staff", [anna, bert])
    after = before.copy()
    for one in (anna, bert):
        after.remove("users", one)
    return before, after, anna, bert, staff


@pytest.mark.parametrize("binned", [False, True])
async def test_who_is_on_the_list_comes_back_neither_anew_nor_from_the_bin(binned: bool) -> None:
    before, after, anna, bert, staff = _gone()
    held = bins(users=[before.get("users", anna), before.get("users", bert)]) if binned else None
    plan = await make_plan(before, after, held=held, erased=[anna])
    assert mechanisms(plan, anna) == []
    assert only(plan, Mechanism.BIN if binned else Mechanism.CREATE).target == bert
    assert reasons(plan, anna) == [("", Reason.ERASED)]
    link = only(plan, Mechanism.LINK, staff)
    assert link.wanted == {"members": [bert]}
    assert [(one.reason, one.other) for one in plan.exclusions if one.target == staff] == [(Reason.ERASED, anna)]
    assert anna not in plan.new_ids
    assert "anna" not in encode(plan).decode().replace(anna, ""), "the plan keeps nothing of them but the id"


async def test_what_needs_somebody_on_the_list_stays_out_and_an_exclusion_is_never_dropped() -> None:
    before, after, anna, *_ = _gone()
    glass = user(before, "glass")
    after.objects["users"][glass] = before.get("users", glass)
    policy(before, "P", includeUsers=[anna], excludeUsers=[glass])
    plan = await make_plan(before, after, accounts=[glass], erased=[anna])
    assert not [one for one in plan.operations if one.type == "conditionalAccessPolicies"]


async def test_values_of_somebody_live_on_the_list_are_left_as_they_are() -> None:
    before = Tenant()
    anna, bert = user(before, "anna", department="Sales"), user(before, "bert", department="Sales")
    after = before.copy()
    for one in (anna, bert):
        after.get("users", one)["department"] = None
    plan = await make_plan(before, after, erased=[anna])
    assert only(plan, Mechanism.PATCH).target == bert
    assert reasons(plan, anna) == [("", Reason.ERASED)]
    assert "Sales" not in "".join(one.why for one in plan.exclusions)


async def test_an_override_is_part_of_the_plan_and_only_for_who_is_on_the_list() -> None:
    before, after, anna, bert, _ = _gone()
    without = await make_plan(before, after, erased=[anna, bert])
    plan = await make_plan(before, after, erased=[anna, bert], despite_erasure=[anna])
    assert only(plan, Mechanism.CREATE).target == anna
    assert plan.despite_erasure == (anna,)
    assert encode(plan) != encode(without)
    with pytest.raises(Unusable, match="not on the erasure list"):
        await make_plan(before, after, erased=[anna], despite_erasure=[bert])


async def test_the_list_reaches_who_came_back_under_another_id() -> None:
    before, after, anna, bert, _ = _gone()
    again = guid("anna again")
    for listed in (anna, again):
        plan = await make_plan(before, after, known_ids={anna: again}, erased=[listed])
        assert only(plan, Mechanism.CREATE).target == bert
        back = await make_plan(before, after, known_ids={anna: again}, erased=[listed], despite_erasure=[anna])
        assert {one.target for one in back.operations if one.mechanism is Mechanism.CREATE} == {again, bert}


# --- the executor


@pytest.mark.parametrize("operation", ["create-user", "bin-user", "patch-user"])
async def test_who_was_put_on_the_list_after_the_plan_is_not_brought_back(operation: str) -> None:
    one = await small(operation)
    (planned,) = one.plan.operations
    await Lister(one).add(planned.target)
    await run(one)
    assert (await ends(one), writes(one)) == ({operation: "onErasureList"}, 0)
    assert "after this plan" in await why(one, operation)


async def test_an_approved_override_lets_the_operation_run() -> None:
    one = await small("bin-user")
    target = one.plan.operations[0].target
    await Lister(one).add(target)
    one.plan = replace(one.plan, id="pdespite", despite_erasure=(target,))
    await one.view().store_plan(one.plan, PLAN_KEY)
    for number, key in enumerate(APPROVERS[:2]):
        await one.desk().record(await one.approval(key, nonce=f"nonce-despite-{number}"))
    await run(one)
    assert await ends(one) == {"bin-user": "done"}


async def test_a_creation_whose_answer_was_lost_is_found_before_the_list_stops_it() -> None:
    """The journal has to know what it left, or nobody would erase it."""
    one = await small("create-user")
    target = one.plan.operations[0].target
    install(one, r"^/v1.0/users$", {"dropConnectionAfterCommit": True}, method="POST", times=1)
    await run(one)
    assert writes(one) == 1
    await Lister(one).add(target)
    await start(one)
    await one.process().drain()
    assert (await ends(one), writes(one)) == ({"create-user": "done"}, 1)
