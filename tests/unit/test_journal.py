"""The journal can be neither shortened, reordered nor added to without being found out, and a name is a claim."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import IntegrityError, Unusable
from shared.domain.plan import Intent, Outcome, OutcomeState
from shared.engines import jws
from shared.engines.evidence import Evidence, TrustedKeys, done_blob, intent_blob, outcome_blob
from shared.engines.journal import Journal, OperationEnd, StepDone
from shared.engines.jws import Purpose
from shared.engines.wire import decode, encode

TENANT = "11111111-2222-3333-4444-555555555555"
KEY = LocalSigner.generate()
OTHER = LocalSigner.generate()
PLAN, STEP = "p1", "s1"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def outcome(name: str, state: OutcomeState = OutcomeState.DONE, **changes: object) -> Outcome:
    return replace(Outcome(name, state, 200, "", "", {}, NOW), **changes)  # type: ignore[arg-type]


class Setup:
    def __init__(self) -> None:
        self.store = MemoryBlobStore("evidence-400d")
        self.evidence = Evidence(self.store, TENANT, TrustedKeys({}, KEY.public_keys))

    def journal(self) -> Journal:
        return Journal(self.evidence, KEY)

    async def attempts(self, number: int) -> None:
        log = self.journal()
        step = await log.step(PLAN, STEP)
        for attempt in range(number):
            assert await log.claim(step, PLAN, f"w{attempt}", NOW, ("a", "b"), {"a": {"x": 1}, "b": {}})
            assert await log.conclude(step, f"w{attempt}", (outcome("a"), outcome("b", OutcomeState.WAITING)))


@pytest.fixture
def setup() -> Setup:
    return Setup()


async def test_what_was_written_is_read_back(setup: Setup) -> None:
    await setup.attempts(3)
    step = await setup.journal().step(PLAN, STEP)
    assert (step.attempt, step.open, step.state("a"), step.state("b")) == (
        3,
        None,
        OutcomeState.DONE,
        OutcomeState.WAITING,
    )
    assert step.tries == {"b": 3}


async def test_two_workers_claim_and_one_gets_it(setup: Setup) -> None:
    log = setup.journal()
    mine, theirs = await log.step(PLAN, STEP), await log.step(PLAN, STEP)
    assert await log.claim(mine, PLAN, "w1", NOW, ("a",), {"a": {}})
    assert not await log.claim(theirs, PLAN, "w2", NOW, ("a",), {"a": {}})
    with pytest.raises(IntegrityError, match="without outcome"):
        await log.claim(mine, PLAN, "w1", NOW, ("a",), {"a": {}})


async def test_a_late_worker_finds_its_place_taken_and_nothing_of_it_counts(setup: Setup) -> None:
    log = setup.journal()
    late, other = await log.step(PLAN, STEP), await log.step(PLAN, STEP)
    assert await log.claim(late, PLAN, "late", NOW, ("a",), {"a": {}})
    other = await log.step(PLAN, STEP)
    await log.take_over(other, "other", NOW)
    assert not await log.conclude(late, "late", (outcome("a", ids={"old": "new"}),))
    assert late.state("a") is OutcomeState.UNKNOWN
    assert late.sent == {"a": NOW}
    assert (await log.step(PLAN, STEP)).state("a") is OutcomeState.UNKNOWN


async def test_an_outcome_that_came_before_the_take_over_is_adopted(setup: Setup) -> None:
    log = setup.journal()
    first = await log.step(PLAN, STEP)
    assert await log.claim(first, PLAN, "w1", NOW, ("a",), {"a": {}})
    other = await log.step(PLAN, STEP)
    assert await log.conclude(first, "w1", (outcome("a"),))
    await log.take_over(other, "w2", NOW)
    assert other.state("a") is OutcomeState.DONE


@pytest.mark.parametrize("missing", [intent_blob, outcome_blob])
async def test_an_attempt_that_was_left_out_is_found_out(setup: Setup, missing: object) -> None:
    await setup.attempts(3)
    del setup.store.blobs[missing(TENANT, PLAN, STEP, 2)]  # type: ignore[operator]
    with pytest.raises(IntegrityError, match="gap"):
        await setup.journal().step(PLAN, STEP)


async def test_an_altered_intent_is_found_out_by_the_outcome_after_it(setup: Setup) -> None:
    await setup.attempts(2)
    name = intent_blob(TENANT, PLAN, STEP, 1)
    intent = decode(Intent, setup.store.blobs[name])
    setup.store.blobs[name] = encode(replace(intent, pre_images={"a": {"x": 2}}))
    with pytest.raises(IntegrityError, match="chain"):
        await setup.journal().step(PLAN, STEP)


async def test_outcomes_of_another_key_step_or_attempt_are_not_believed(setup: Setup) -> None:
    await setup.attempts(2)
    name = outcome_blob(TENANT, PLAN, STEP, 2)
    good = setup.store.blobs[name]
    payload = jws.verify(good, Purpose.EXECUTION, KEY.public_keys)
    for bad in (
        await jws.sign(OTHER, Purpose.EXECUTION, payload),
        await jws.sign(KEY, Purpose.EVIDENCE, payload),
        setup.store.blobs[outcome_blob(TENANT, PLAN, STEP, 1)],
        await jws.sign(KEY, Purpose.EXECUTION, payload.replace(b'"s1"', b'"s2"')),
        b"noise",
    ):
        setup.store.blobs[name] = bad
        with pytest.raises(IntegrityError):
            await setup.journal().step(PLAN, STEP)


async def test_an_intent_that_is_noise_or_of_another_step_stops_the_step(setup: Setup) -> None:
    await setup.attempts(1)
    name = intent_blob(TENANT, PLAN, STEP, 1)
    for bad in (b"noise", setup.store.blobs[name].replace(b'"s1"', b'"s2"')):
        setup.store.blobs[name] = bad
        with pytest.raises(IntegrityError):
            await setup.journal().step(PLAN, STEP)


def ended(**changes: object) -> StepDone:
    end = OperationEnd("a", OutcomeState.DONE, True, "", {"old": "new"}, NOW)
    return replace(StepDone(PLAN, "d" * 64, STEP, NOW, (end,), ""), **changes)  # type: ignore[arg-type]


async def test_the_end_of_a_step_is_the_first_one_written(setup: Setup) -> None:
    first = await setup.journal().finish(ended())
    second = await setup.journal().finish(ended(at=NOW.replace(hour=5)))
    assert second == first
    assert await setup.journal().done(PLAN, "d" * 64, STEP) == first
    assert await setup.journal().done_names(PLAN) == {STEP}


async def test_an_end_of_another_key_or_plan_is_not_believed(setup: Setup) -> None:
    name = done_blob(TENANT, PLAN, STEP)
    for bad in (
        await jws.sign(OTHER, Purpose.EXECUTION, encode(ended())),
        await jws.sign(KEY, Purpose.EXECUTION, encode(ended(digest="e" * 64))),
        await jws.sign(KEY, Purpose.EXECUTION, encode(ended(step="s2"))),
    ):
        setup.store.blobs[name] = bad
        with pytest.raises(IntegrityError):
            await setup.journal().done(PLAN, "d" * 64, STEP)


async def test_the_root_covers_every_blob_and_its_name(setup: Setup) -> None:
    await setup.attempts(2)
    root, count = await setup.journal().root(PLAN)
    assert count == 4
    for name, data in list(setup.store.blobs.items()):
        setup.store.blobs[name] = data + b" "
        assert (await setup.journal().root(PLAN))[0] != root
        setup.store.blobs[name] = data
    data = setup.store.blobs.pop(outcome_blob(TENANT, PLAN, STEP, 2))
    assert (await setup.journal().root(PLAN))[0] != root
    setup.store.blobs[outcome_blob(TENANT, PLAN, STEP, 3)] = data
    assert (await setup.journal().root(PLAN))[0] != root


async def test_who_has_no_execution_key_only_reads(setup: Setup) -> None:
    await setup.attempts(1)
    reader = Journal(setup.evidence)
    step = await reader.step(PLAN, STEP)
    with pytest.raises(Unusable, match="no execution key"):
        await reader.finish(ended())
    assert step.attempt == 1
