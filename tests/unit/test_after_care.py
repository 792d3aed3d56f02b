"""What a restore leaves to people: which objects, what of them, whom to ask, and as what it is handed out."""

from __future__ import annotations

import csv
import io
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cli.after_care_view import COLUMNS, NOBODY, by_owner, csv_lines
from shared.engines.evidence import plan_folder
from shared.engines.jws import Purpose
from shared.engines.report import AfterCare, Owner, Report
from shared.engines.wire import decode, encode
from tests.backup import TENANT
from tests.restore_planned import cloud_groups, cloud_users, planned, purge
from tests.restore_world import objects
from tests.simulator.service import Service
from tests.unit.cli_samples import HOSTILE, report
from tests.unit.cli_world import EVIDENCE_KEY, Cli

MARIA, TOMAS = Owner("m1", "Maria"), Owner("t1", "Tomas")


def care(what: str, *owners: Owner, name: str = "anna") -> AfterCare:
    return AfterCare("users", "old", "new", name, what, "secret x", owners)


def rows(cared: tuple[AfterCare, ...]) -> list[list[str]]:
    text = "".join(csv_lines(cared))
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


# --- who and what: through a restore


def chosen(service: Service) -> dict[str, str]:
    """A user with a manager, a group with an owner and an application with an owner."""
    store = service.store
    found = {}
    for table, link, those in (
        ("users", "users.manager", cloud_users(service)),
        ("groups", "groups.owners", cloud_groups(service)),
        ("applications", "applications.owners", objects(service, "applications")),
    ):
        owned = (one for one in those if store.targets(link, str(one["id"])))
        one = next(one for one in owned if table != "applications" or one.get("identifierUris"))
        found[table] = str(one["id"])
    return found


async def test_objects_made_anew_are_listed_with_what_is_left_and_their_owners() -> None:
    gone: dict[str, str] = {}
    names: dict[str, str] = {}
    owners: dict[str, set[str]] = {}

    def damage(service: Service) -> None:
        gone.update(chosen(service))
        names.update({str(one["id"]): str(one["displayName"]) for one in objects(service, "users")})
        for table, link in (("users", "manager"), ("groups", "owners"), ("applications", "owners")):
            owners[table] = set(service.store.targets(f"{table}.{link}", gone[table]))
        gone["appId"] = str(service.store.tables["applications"][gone["applications"]]["appId"])
        for principal in objects(service, "servicePrincipals"):
            if principal["appId"] == gone["appId"]:
                purge(service, "servicePrincipals", str(principal["id"]))
        for table in owners:
            purge(service, table, gone[table])

    case = await planned(damage)
    await case.run()
    made = await case.report()
    assert decode(Report, encode(made)) == made
    new = {one.old: one.new for one in made.new_ids}
    of = {table: [one for one in made.after_care if one.target == gone[table]] for table in owners}
    for table, cared in of.items():
        wanted = {Owner(new.get(one, one), names[one]) for one in owners[table]}
        assert {owner for one in cared for owner in one.owners} == wanted, table
        assert all(set(one.owners) == wanted for one in cared), table
        assert {one.live for one in cared} == {new[gone[table]]}
    assert sorted(one.what for one in of["users"]) == [
        "hand over the initial password, to be changed at the first sign-in",
        "look for it outside Graph: role assignments of Azure resources may name its old id",
        "register sign-in methods anew",
    ]
    assert [(one.what, one.where) for one in of["groups"]] == [
        ("look for it outside Graph: role assignments of Azure resources may name its old id", gone["groups"])
    ]
    changed = f"{gone['appId']} is now {new[gone['appId']]}"
    told = {one.what: one.where for one in of["applications"]}
    assert told["tell everybody who configured its appId that it changed"] == changed
    assert told["ask who uses its identifierUris, which named the old appId"] == changed
    assert any(one.where.startswith("secret ") for one in of["users"])


def test_a_report_of_an_earlier_release_names_nobody() -> None:
    made = report()
    text = encode(made).replace(b'"owners":[],', b"").replace(b',"owners":[]', b"")
    assert b"owners" not in text
    assert decode(Report, text) == made


# --- by whom to ask


def test_what_several_own_is_in_the_list_of_each_and_the_rest_comes_last() -> None:
    cared = (care("one"), care("two", MARIA, TOMAS), care("three", TOMAS), care("four", Owner("x", "")))
    assert [(owner, [one.what for one in group]) for owner, group in by_owner(cared)] == [
        ("Tomas (t1)", ["two", "three"]),
        ("Maria (m1)", ["two"]),
        ("x", ["four"]),
        (NOBODY, ["one"]),
    ]


def test_the_table_has_a_line_for_each_owner() -> None:
    assert rows((care("two", MARIA, TOMAS), care("one"))) == [
        list(COLUMNS),
        ["", "", "one", "users", "anna", "old", "new", "secret x"],
        ["Maria", "m1", "two", "users", "anna", "old", "new", "secret x"],
        ["Tomas", "t1", "two", "users", "anna", "old", "new", "secret x"],
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", '=HYPERLINK("http://x","y")'])
def test_no_cell_begins_as_a_formula(name: str) -> None:
    cell = rows((care("one", name=name),))[1][4]
    assert cell[0] in "'‹"


@given(st.text(st.characters(codec=None), max_size=40), st.text(st.characters(codec=None), max_size=40))
def test_any_text_stays_in_its_cell(name: str, owner: str) -> None:
    (head, row) = rows((care("one", Owner("o", owner), name=name),))
    assert len(head) == len(row) == len(COLUMNS)
    assert not [cell for cell in row if cell.lstrip()[:1] in ("=", "+", "-", "@") and cell]
    "".join(row).encode("utf-8")


# --- the command


def stored(cli: Cli, made: Report) -> None:
    value = cli.do(cli.world.store_plan())
    name = f"{plan_folder(TENANT, 'p0001')}report.jws"
    signed = replace(made, tenant=TENANT, digest=value.digest)
    cli.do(cli.world.view().write_signed(name, Purpose.EVIDENCE, EVIDENCE_KEY, signed))


def test_status_writes_the_list_for_its_owner_only(tmp_path: Path) -> None:
    cli = Cli.with_approvers()
    stored(cli, replace(report(), after_care=(care("one", MARIA, name=HOSTILE),)))
    target = tmp_path / "care.csv"
    ran = cli("status", "p0001", "--after-care", str(target))
    assert ran.code == 0, ran.err
    assert "Maria (m1)" in ran.out
    text = target.read_bytes()
    assert text.count(b"\r\n") == 2 == text.count(b"\n")
    assert "‹U+202E›".encode() in text
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_without_a_report_or_a_plan_nothing_is_written(tmp_path: Path) -> None:
    cli = Cli.with_approvers()
    cli.do(cli.world.store_plan())
    target = tmp_path / "care.csv"
    ran = cli("status", "p0001", "--after-care", str(target))
    assert ran.code == 3
    assert "no report yet" in ran.err
    assert cli("status", "--after-care", str(target)).code == 2
    assert not target.exists()
