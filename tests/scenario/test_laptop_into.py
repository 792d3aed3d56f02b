"""A restore from an exported folder into another tenant: the commands, and what keeps tenants apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.erasure import erasure_name
from shared.engines.erasure import erasure_blob
from tests.backup import TENANT
from tests.laptop import Laptop, begun
from tests.restore_world import tenant
from tests.reviewing import reviewed
from tests.simulator.seeds import MAIN_DOMAIN
from tests.simulator.seeds_blank import BLANK, BLANK_MAIN

MAP = ("--domain-map", f"{MAIN_DOMAIN}={BLANK_MAIN}")
ONLY = ("--type", "users", "--type", "groups")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    return begun(tmp_path_factory.mktemp("into") / "home")


@pytest.fixture(scope="module")
def asked(home: Laptop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Laptop, dict[str, Any]]:
    """The same laptop, signed in to another tenant, and a plan that two have approved."""
    laptop = home.again(tmp_path_factory.mktemp("into") / "laptop")
    laptop = replace(laptop, service=tenant(laptop.clock, BLANK))
    page = laptop.root / "plan.html"
    plan = planned(laptop, "--html", str(page))
    assert "INTO TENANT" in page.read_text()
    said = reviewed(plan)
    for number in (0, 1):
        key = str(laptop.root / f"approver-{number}.pem")
        ran = laptop("approve", plan["plan"], "--key", key, "--yes", *said, *into(laptop), *laptop.local(key=False))
        assert ran.code == 0, ran.err
        assert f"INTO TENANT: {laptop.service.tenant_id}" in ran.err
    return laptop, plan


@pytest.fixture
def abroad(asked: tuple[Laptop, dict[str, Any]], tmp_path: Path) -> Laptop:
    return asked[0].again(tmp_path / "laptop")


def into(laptop: Laptop) -> tuple[str, ...]:
    return ("--into", laptop.service.tenant_id)


def planned(laptop: Laptop, *more: str) -> dict[str, Any]:
    return laptop.plan(*into(laptop), *MAP, *ONLY, *more)


def blobs(laptop: Laptop) -> list[str]:
    return sorted(str(path.relative_to(laptop.root)) for path in laptop.work.rglob("*") if path.is_file())


def test_a_dry_run_tells_what_can_not_move_and_stores_nothing(abroad: Laptop) -> None:
    before, commits = blobs(abroad), abroad.service.store.seq
    shown = planned(abroad, "--dry-run")
    reasons = {(one["reason"], one["type"]) for one in shown["cantMove"]}
    assert ("needsAnActionNotSupported", "users") in reasons  # guests
    assert shown["plan"] is None
    assert shown["tenant"] == abroad.service.tenant_id
    stored = [name for name in blobs(abroad) if name not in before and "state.db" not in name]
    assert [name for name in stored if "/approvers/" not in name] == []
    assert abroad.service.store.seq == commits
    text = abroad("plan", "latest", *into(abroad), *MAP, *ONLY, "--dry-run", *abroad.local()[:-1]).out
    assert "What can't move" in text
    assert "A dry run" in text
    assert "holdfast approve" not in text


def test_a_dry_run_lists_each_address_that_moves_and_each_that_stays(abroad: Laptop) -> None:
    page = abroad.root / "plan.html"
    only = ("--type", "applications", "--type", "servicePrincipals")
    shown = abroad.plan(*into(abroad), *MAP, *only, "--dry-run")
    moved = {one["new"]: one["old"] for one in shown["addresses"]}
    assert f"https://app0.{BLANK_MAIN}/cb" in moved
    assert all((one["new"] != one["old"]) == (one["left"] == "") for one in shown["addresses"])
    ran = abroad("plan", "latest", *into(abroad), *only, "--dry-run", *abroad.local()[:-1])
    assert "Addresses that move, or name a domain of the tenant that they come from" in ran.out
    for old in moved.values():
        assert old in ran.out
    stays = f"stays, and still names {MAIN_DOMAIN}"
    assert stays in ran.out
    made = abroad.plan(*into(abroad), *only, "--html", str(page))
    assert made["document"]["addresses"]
    assert stays in page.read_text()


def test_planned_approved_and_restored_into_the_other_tenant_by_the_same_commands(
    asked: tuple[Laptop, dict[str, Any]], abroad: Laptop
) -> None:
    _, plan = asked
    assert plan["next"].endswith(f"--into {abroad.service.tenant_id}")
    assert (plan["document"]["tenant"], plan["document"]["sourceTenant"]) == (abroad.service.tenant_id, TENANT)
    ran = abroad.restore(plan, *into(abroad))
    assert ran.code == 0, ran.err
    assert (ran.document["tenant"], ran.document["unexpected"]) == (abroad.service.tenant_id, [])
    names = {one["userPrincipalName"] for one in abroad.service.store.tables["users"].values()}
    assert sum(str(name).endswith(f"@{BLANK_MAIN}") for name in names) == 7
    assert planned(abroad)["document"]["steps"] == []


def test_neither_plan_nor_approval_is_good_for_another_tenant(
    asked: tuple[Laptop, dict[str, Any]], abroad: Laptop
) -> None:
    _, plan = asked
    key = str(abroad.root / "approver-0.pem")
    unknown = abroad("approve", plan["plan"], "--key", key, "--yes", *abroad.local(key=False))
    assert (unknown.code, "there is no plan" in unknown.err or "no such plan" in unknown.err) == (2, True)
    here = tenant(abroad.clock, "10")
    elsewhere = replace(abroad, service=here)
    refused = elsewhere.restore(plan, *into(abroad))
    assert refused.code == 3
    assert "this sign-in is to the tenant" in refused.err
    assert here.store.seq == 0
    told = elsewhere("plan", "latest", *into(abroad), *MAP, *ONLY, *abroad.local())
    assert (told.code, "the tenant that was read is" in told.err) == (3, True)


@pytest.mark.full
def test_whom_the_deployment_erased_does_not_come_to_the_other_tenant_either(abroad: Laptop) -> None:
    steps = planned(abroad)["document"]["steps"]
    made = sorted(
        one["target"]
        for step in steps
        for one in step["operations"]
        if (one["type"], one["mechanism"]) == ("users", "create")
    )
    blob = abroad.copy / "evidence-400d" / erasure_blob(TENANT, erasure_name(made[0]), 1)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"whatever lies here bars")
    again = planned(abroad)["document"]
    left = {one["target"] for step in again["steps"] for one in step["operations"]}
    assert made[0] not in left
    assert {*made[1:]} <= left
    assert [
        one["name"] for one in again["exclusions"] if one["reason"] == "onErasureList" and not one["member"]
    ] == [""]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--into", "not-an-id"), "is no tenant's id"),
        (MAP, "domains change only in another tenant"),
    ],
)
def test_what_makes_no_sense_is_told_at_once(home: Laptop, arguments: tuple[str, ...], words: str) -> None:
    ran = home("plan", "latest", *arguments, *home.local())
    assert (ran.code, words in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("--contain", "who has to be kept out is in the tenant that was damaged"),
        ("--prune", "what the other tenant has beside the snapshot is its own"),
        ("--rescue", "what was deleted is in the recycle bins of the tenant that it was deleted in"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["kept", "dry"])
def test_what_belongs_to_the_damaged_tenant_is_refused_with_the_command_for_it(
    home: Laptop, flag: str, why: str, dry: tuple[str, ...]
) -> None:
    other = "77777777-1111-4111-8111-111111111111"
    ran = home("plan", "latest", "--into", other, flag, *dry, *home.local())
    assert ran.code == 2
    assert f"{flag} is not for another tenant: {why}" in ran.err
    assert f"signed in to the damaged tenant: holdfast plan SNAPSHOT {flag} (without --into)" in ran.err
    assert f"the same command without {flag}" in ran.err


def test_the_apps_restore_into_their_own_tenant_only(home: Laptop) -> None:
    ran = home("plan", "latest", "--into", home.service.tenant_id)
    assert (ran.code, "sign in to its own tenant only" in ran.err) == (2, True)
