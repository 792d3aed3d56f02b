"""Evidence documents: one for each request whatever is interrupted, nothing adopted that isn't ours, checked
offline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.adapters.keys import LocalSigner
from shared.domain.errors import IntegrityError, Refused, StorageDown, Unusable
from shared.domain.evidence import EvidenceCommit, EvidenceDocument
from shared.engines import jws
from shared.engines.evidence_desk import (
    DOCUMENT,
    SIGNED,
    EvidenceDesk,
    Made,
    check_evidence,
    evidence_folder,
    find_evidence,
    period_of,
)
from shared.engines.jws import Purpose
from shared.engines.wire import encode
from tests.backup import TENANT
from tests.faults import Crash, Fault, Faults, FaultyBlobStore
from tests.unit.cli_world import EVIDENCE_KEY, PLAN_KEY
from tests.unit.evidence_samples import document
from tests.unit.evidence_world import NOVEMBER, World

REQUEST = "monthly-2026-11"
FOLDER = evidence_folder(TENANT, NOVEMBER, REQUEST)


def render(made: EvidenceDocument) -> bytes:
    return f"<p>{made.facts.made_at.isoformat()}</p>".encode()


def desk(world: World, faults: Faults | None = None) -> EvidenceDesk:
    sources = world.sources()
    if faults is not None:
        sources.evidence.store = FaultyBlobStore(world.deployment.evidence, faults)
    return EvidenceDesk(sources, EVIDENCE_KEY, render)


@pytest.fixture
def world() -> World:
    return World()


def stored(world: World) -> dict[str, bytes]:
    blobs = world.deployment.evidence.blobs
    return {name.removeprefix(FOLDER): data for name, data in blobs.items() if name.startswith(FOLDER)}


async def test_document_page_and_signature_lie_beside_each_other(world: World) -> None:
    made = await desk(world).make(NOVEMBER, REQUEST)
    assert made.folder == FOLDER
    assert FOLDER.startswith(f"v1/{TENANT}/evidence/20261101-20261130-")
    assert set(stored(world)) == {SIGNED, DOCUMENT, made.page}
    assert stored(world)[DOCUMENT] == encode(made.document)
    assert stored(world)[made.page] == render(made.document)
    assert await find_evidence(world.deployment.view(), NOVEMBER, REQUEST) == made


async def test_the_same_month_twice_is_one_document_and_another_request_another(world: World) -> None:
    made = await desk(world).make(NOVEMBER, REQUEST)
    held = stored(world)
    world.deployment.backup.clock.advance(3600)
    assert await desk(world).make(NOVEMBER, REQUEST) == made
    assert stored(world) == held
    other = await desk(world).make(NOVEMBER, "another1")
    assert other.folder != made.folder


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize("before", [True, False])
async def test_killed_at_any_write_and_asked_again_there_is_one_document(
    world: World, number: int, before: bool
) -> None:
    def crash(call: object) -> Fault | None:
        hit = getattr(call, "write", False) and getattr(call, "number", 0) == number
        return Fault(Crash, before) if hit else None

    with pytest.raises(Crash):
        await desk(world, Faults(crash)).make(NOVEMBER, REQUEST)
    world.deployment.backup.clock.advance(60)
    made = await desk(world).make(NOVEMBER, REQUEST)
    checked = check(world, made)
    assert checked == ()
    assert sorted(name for name in stored(world) if not name.startswith("page-")) == [DOCUMENT, SIGNED]


async def test_an_answer_that_was_lost_is_settled_by_reading_back(world: World) -> None:
    def lost(call: object) -> Fault | None:
        return Fault(lambda: StorageDown("no answer"), False) if getattr(call, "write", False) else None

    made = await desk(world, Faults(lost)).make(NOVEMBER, REQUEST)
    assert check(world, made) == ()


async def test_two_workers_at_once_agree(world: World) -> None:
    one = desk(world)
    late = await desk(world)._commit(NOVEMBER, FOLDER)
    world.deployment.backup.clock.advance(60)
    made = await one.make(NOVEMBER, REQUEST)
    assert made.document == late.document
    assert await one._commit(NOVEMBER, FOLDER) == late  # gathered later, and adopts what is there


@pytest.mark.parametrize("name", [SIGNED, DOCUMENT])
async def test_what_somebody_else_put_there_is_never_adopted(world: World, name: str) -> None:
    forged = EvidenceCommit(document(), "00" * 32)
    token = await jws.sign(PLAN_KEY, Purpose.EVIDENCE, encode(forged))
    world.deployment.evidence.blobs[FOLDER + name] = token if name == SIGNED else encode(forged.document)
    with pytest.raises(IntegrityError):
        await desk(world).make(NOVEMBER, REQUEST)
    if name == SIGNED:
        assert set(stored(world)) == {SIGNED}, "nothing is signed beside it"


async def test_a_document_of_another_period_is_not_taken_for_this_one(world: World) -> None:
    made = await desk(world).make(NOVEMBER, REQUEST)
    october = period_of(date(2026, 10, 1), date(2026, 10, 31))
    elsewhere = evidence_folder(TENANT, october, REQUEST)
    for name, data in stored(world).items():
        world.deployment.evidence.blobs[elsewhere + name] = data
    assert made.document.facts.period == NOVEMBER
    with pytest.raises(IntegrityError, match="another tenant or period"):
        await find_evidence(world.deployment.view(), october, REQUEST)
    with pytest.raises(IntegrityError, match="another tenant or period"):
        await desk(world).make(october, REQUEST)


async def test_role_assignments_are_compared_with_the_newest_document_from_before_that_verifies(
    world: World,
) -> None:
    days = [date(2026, 11, day) for day in (1, 2, 3)]
    first, second, third = [
        await desk(world).make(period_of(day, day), f"request-{number}") for number, day in enumerate(days)
    ]
    assert first.document.facts.access is not None
    assert first.document.facts.access.compared_with == ""
    assert third.document.facts.access is not None
    assert third.document.facts.access.compared_with == second.folder
    world.deployment.evidence.blobs[second.folder + SIGNED] += b"A"
    again = await desk(world).make(period_of(days[2], days[2]), "request-9")
    assert again.document.facts.access is not None
    assert again.document.facts.access.compared_with == first.folder


def test_a_period_is_one_day_to_a_year() -> None:
    day = date(2026, 11, 1)
    assert period_of(day, day).end == datetime(2026, 11, 2, tzinfo=UTC)
    for last in (day - timedelta(days=1), day + timedelta(days=370)):
        with pytest.raises(Unusable):
            period_of(day, last)


async def test_a_period_that_has_not_begun_has_no_evidence(world: World) -> None:
    with pytest.raises(Unusable):
        await desk(world).make(period_of(date(2026, 12, 1), date(2026, 12, 31)), REQUEST)
    assert stored(world) == {}


# --- offline ---------------------------------------------------------------------------------------------


def check(world: World, made: Made, **changes: bytes | None) -> tuple[str, ...]:
    files: dict[str, bytes | None] = {
        "token": stored(world)[SIGNED],
        "copy": stored(world)[DOCUMENT],
        "page": stored(world)[made.page],
        **changes,
    }
    token = files["token"]
    assert token is not None
    checked = check_evidence(token, files["copy"], files["page"], EVIDENCE_KEY.public_keys)
    assert checked.document == made.document
    assert checked.key == EVIDENCE_KEY.key_id
    return checked.findings


async def test_any_change_of_copy_or_page_is_found_and_named(world: World) -> None:
    made = await desk(world).make(NOVEMBER, REQUEST)
    assert check(world, made) == ()
    assert check(world, made, copy=stored(world)[DOCUMENT] + b" ") == (f"{DOCUMENT} is not what was signed",)
    assert check(world, made, page=b"<p>all is well</p>") == (f"{made.page} is not the page that was signed",)
    assert len(check(world, made, copy=None, page=None)) == 2


async def test_a_signature_counts_only_by_the_right_key_for_the_right_purpose(world: World) -> None:
    made = await desk(world).make(NOVEMBER, REQUEST)
    token = stored(world)[SIGNED]
    with pytest.raises(Refused):
        check_evidence(token, None, None, LocalSigner.generate().public_keys)
    with pytest.raises(Refused):
        check_evidence(token[:-4] + b"AAAA", None, None, EVIDENCE_KEY.public_keys)
    payload = encode(EvidenceCommit(replace(made.document, rows=()), "00" * 32))
    for purpose in (Purpose.PLAN, Purpose.SNAPSHOT):
        forged = await jws.sign(EVIDENCE_KEY, purpose, payload)
        with pytest.raises(Refused):
            check_evidence(forged, None, None, EVIDENCE_KEY.public_keys)
    other = await jws.sign(EVIDENCE_KEY, Purpose.EVIDENCE, b'{"plan":"p1"}')
    with pytest.raises(Refused, match="no evidence document"):
        check_evidence(other, None, None, EVIDENCE_KEY.public_keys)
