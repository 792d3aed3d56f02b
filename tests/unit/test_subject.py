"""`holdfast subject` and `holdfast erase`: every place is found, by its bytes, and dates are given only where one
can be."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.memory import MemoryBlobStore
from shared.cli.parts import Parts, Source
from shared.domain.errors import ContainerMissing
from shared.domain.plan import Intent
from shared.domain.vault import AccountState, ContainerState, DeletionRule, LegalHold, RetentionPolicy
from shared.engines.evidence import intent_blob
from shared.engines.packs import compress
from shared.engines.subject import deletion, in_vault
from shared.engines.wire import encode
from tests.backup import TENANT
from tests.unit.cli_samples import plan as sample_plan
from tests.unit.cli_world import APPROVERS, STRANGER, Cli, Deployment, write_key
from tests.unit.test_cli_holds import TAG, Held

ANNA = "0b0c0000-0000-4000-8000-00000000a77a"
AT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
ACCOUNT = AccountState("westeurope", "", False, False, False, 0, 0, (DeletionRule("old", "", 50.0),))


@pytest.fixture
def cli() -> Cli:
    made = Cli(Deployment())
    made.do(made.world.set_approvers())
    directory = made.world.backup.directory
    directory.put("users", id=ANNA, displayName="Anna Berg", userPrincipalName="anna@contoso.example")
    directory.link("groups", "members", "group-2", ANNA)
    directory.put("roleAssignments", id="r-1", principalId=ANNA, roleDefinitionId="role-1", directoryScopeId="/")
    return made


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    signers = {**APPROVERS, "stranger": STRANGER}
    return {name: str(write_key(tmp_path / f"{name}.pem", signer)) for name, signer in signers.items()}


def places(ran: Any) -> dict[tuple[str, str], dict[str, int]]:
    return {(one["kind"], one["name"]): one["holds"] for one in ran.document["places"]}


@pytest.mark.parametrize("who", [ANNA, ANNA.upper(), "anna berg", "Anna@contoso.example"])
def test_a_person_is_found_by_id_name_and_principal_name(cli: Cli, who: str) -> None:
    snapshot = cli.back_up()
    ran = cli("subject", who, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["id"] == ANNA
    (held,) = places(ran).values()
    assert list(places(ran)) == [("snapshot", snapshot)]
    assert {name: held[name] for name in ("users", "groups.members", "roleAssignments")} == {
        "users": 1,
        "groups.members": 1,
        "roleAssignments": 1,
    }


def test_names_that_nobody_or_several_have_are_told(cli: Cli) -> None:
    cli.world.backup.directory.put("users", id="other", displayName="Anna Berg")
    cli.back_up()
    ran = cli("subject", "Anna Berg")
    assert ran.code == 2
    assert ANNA in ran.err
    assert cli("subject", "Nobody").code == 2
    assert cli("subject", "Anna Berg", "--type", "nothings").code == 2


def test_every_kind_of_place_is_found(cli: Cli) -> None:
    world = cli.world
    old = cli.back_up()
    world.backup.clock.advance(36 * 86400)  # past its promise, still stored
    new = cli.back_up()
    store = world.backup.vault.blobs
    folder = f"v1/{TENANT}/2026/12/31/20261231T000000Z-lost/"
    store[folder + "objects/users/0-x.jsonl.zst"] = compress(b'{"id":"' + ANNA.encode() + b'"}\n')
    stored = cli.do(world.store_plan(replace(sample_plan(), id="pwith", break_glass_ids=(ANNA,))))
    cli.do(world.store_plan(replace(sample_plan(), id="pwithout")))
    intent = Intent(stored.plan.id, "s1", 1, "w", AT, ("o",), {"o": {"manager": ANNA}}, "")
    world.evidence.blobs[intent_blob(TENANT, stored.plan.id, "s1", 1)] = encode(intent)
    ran = cli("subject", ANNA, "--json")
    assert ran.code == 0, ran.err
    found = places(ran)
    assert set(found) == {
        ("expired snapshot", old),
        ("snapshot", new),
        ("run without snapshot", "20261231T000000Z-lost"),
        ("plan", "pwith"),
    }
    assert found["plan", "pwith"] == {"the plan": 1, "values before writes": 1}
    assert ran.document["lastDeletion"] is None
    assert "could not be read" in ran.document["places"][0]["why"]
    assert places(cli("subject", "0b0c0000-0000-4000-8000-00000000a77b", "--json")) == {}
    shown = cli("subject", ANNA)
    assert "no date can be given" in shown.out
    assert "Anna" not in shown.out


def test_a_copy_under_a_legal_hold_is_found_and_has_no_last_day() -> None:
    held = Held()
    assert held.hold("--confirm", TAG).code == 0
    ran = held.read("subject", "user-003", "--json")
    assert ran.code == 0, ran.err
    found = {one["container"]: one for one in ran.document["places"]}
    assert set(found) == {"vault-35d", "hold"}
    assert (found["hold"]["name"], found["hold"]["lastDeletion"]) == (held.snapshot, None)
    assert found["hold"]["why"] == f"legal hold: {TAG}"
    assert ran.document["lastDeletion"] is None


def test_what_could_not_be_unpacked_or_read_is_told_and_the_end_is_partial(cli: Cli) -> None:
    snapshot = cli.back_up()
    store = cli.world.backup.vault.blobs
    name = next(name for name in store if "/objects/groups/" in name)
    store[name] = b"damaged"
    ran = cli("subject", ANNA, "--json")
    assert ran.code == 4
    (place,) = ran.document["places"]
    assert place["name"] == snapshot
    assert place["unread"] == [name.split(f"{snapshot}/")[1]]


@pytest.mark.parametrize(("which", "code"), [("held", 0), ("vault", 4)])
def test_only_the_container_of_holds_may_be_missing(cli: Cli, which: str, code: int) -> None:
    cli.back_up()
    store = cli.world.held if which == "held" else cli.world.backup.vault

    async def missing(prefix: str = "") -> AsyncIterator[Any]:
        raise ContainerMissing("HTTP 404 ContainerNotFound")
        yield

    store.list = missing  # type: ignore[method-assign]
    ran = cli("subject", ANNA, "--json")
    assert ran.code == code, ran.err
    assert [one.partition(":")[0] for one in ran.document["notRead"]] == ([] if code == 0 else ["vault-35d"])


def test_ids_that_a_restore_gave_are_looked_for_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    async def known(evidence: object) -> dict[str, str]:
        return {"user-003": ANNA}

    monkeypatch.setattr("shared.engines.known_ids.known_ids", known)
    cli.back_up()
    ran = cli("subject", ANNA, "--json")
    assert ran.document["ids"] == [ANNA, "user-003"]
    assert next(iter(places(ran).values()))["users"] == 2


async def test_memory_does_not_follow_the_size_of_the_vault() -> None:
    """Peak with 40 packs against that with 4: one blob is held at a time."""

    async def peak(packs: int) -> int:
        store = MemoryBlobStore("vault-35d")
        lines = b"".join(b'{"id":"%036d","t":"%s"}\n' % (n, b"x" * 200) for n in range(2000))
        for number in range(packs):
            name = f"v1/{TENANT}/2026/11/22/20261122T013000Z-full/objects/users/{number}-x.jsonl.zst"
            store.blobs[name] = compress(lines)
        tracemalloc.start()
        traces = [one async for one in in_vault(store, TENANT, [f"{7:036d}"], {}, AT)]
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert traces[0].holds == {"users": packs}
        return most

    assert await peak(40) < 1.5 * await peak(4)


# --- dates


def _state(**changes: Any) -> ContainerState:
    policy = RetentionPolicy(days=42, locked=True, appends=False, extended=0, etag="e")
    return replace(ContainerState("vault-35d", policy, (), False), **changes)


def test_the_last_day_is_policy_or_rule_whichever_is_longer_and_the_rule_s_run() -> None:
    assert deletion(AT, _state(), ACCOUNT, "vault-35d").latest == AT + timedelta(days=52)
    shorter = replace(ACCOUNT, deletions=(DeletionRule("old", "vault-35d/", 10.0),), soft_delete_days=7)
    assert deletion(AT, _state(), shorter, "vault-35d").latest == AT + timedelta(days=51)


@pytest.mark.parametrize(
    ("state", "account", "written", "why"),
    [
        (None, ACCOUNT, AT, "could not be read"),
        (_state(), None, AT, "could not be read"),
        (_state(holds=(LegalHold("case7", None),)), ACCOUNT, AT, "legal hold: case7"),
        (_state(), replace(ACCOUNT, versioning=True), AT, "versioning"),
        (_state(), replace(ACCOUNT, deletions=()), AT, "no lifecycle rule"),
        (_state(), replace(ACCOUNT, deletions=(DeletionRule("a", "vault-35d/v1/x", 9.0),)), AT, "only a part"),
        (_state(), replace(ACCOUNT, deletions=(DeletionRule("a", "chain", 9.0),)), AT, "no lifecycle rule"),
        (_state(), ACCOUNT, None, "not known"),
    ],
)
def test_where_no_date_can_be_given_none_is(
    state: ContainerState | None, account: AccountState | None, written: datetime | None, why: str
) -> None:
    end = deletion(written, state, account, "vault-35d")
    assert end.latest is None
    assert why in end.why


def test_dates_come_from_the_management_plane(cli: Cli) -> None:
    snapshot = cli.back_up()

    class Control:
        async def account(self) -> AccountState:
            return ACCOUNT

        async def container(self, name: str) -> ContainerState:
            return replace(_state(), name=name)

    @asynccontextmanager
    async def opener(source: Source) -> AsyncIterator[Parts]:
        parts = cli.world.parts()
        assert parts.operator is not None
        parts.operator.control = Control()  # type: ignore[misc]
        yield parts

    cli.world.opener = opener  # type: ignore[method-assign]
    ran = cli("subject", ANNA, "--json")
    (place,) = ran.document["places"]
    started = datetime.strptime(snapshot[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    assert datetime.fromisoformat(place["lastDeletion"]) == started + timedelta(days=54)
    assert ran.document["lastDeletion"] == place["lastDeletion"]


# --- the erasure list by command


def test_add_list_lift(cli: Cli, keys: dict[str, str]) -> None:
    cli.back_up()
    ran = cli("erase", "add", "Anna Berg", "--reason", "DSR-1", "--key", keys["maria"], "--json")
    assert ran.code == 0, ran.err
    assert (ran.document["object"], ran.document["barred"]) == (ANNA, True)
    assert b"Anna" not in b"".join(cli.world.evidence.blobs.values())
    assert cli("subject", ANNA, "--json").document["onErasureList"] is True
    one = cli("erase", "lift", ANNA, "--reason", "DSR-2", "--key", keys["maria"])
    assert "1 of 2 approvers" in one.out
    assert cli("erase", "list", "--json").document["barred"] == 1
    two = cli("erase", "lift", ANNA, "--reason", "DSR-2", "--key", keys["tomas"], "--json")
    assert two.document["barred"] is False
    listed = cli("erase", "list", "--json").document["objects"]
    assert [entry["action"] for entry in listed[0]["entries"]] == ["add", "lift", "lift"]
    assert ANNA in cli("erase", "list").out


def test_a_stranger_s_word_is_never_recorded_and_a_name_is_no_reference(cli: Cli, keys: dict[str, str]) -> None:
    cli.back_up()
    refused = cli("erase", "add", ANNA, "--reason", "DSR-1", "--key", keys["stranger"], "--timeout", "0")
    assert refused.code == 1
    named = cli("erase", "add", ANNA, "--reason", "Anna Berg has left", "--key", keys["maria"])
    assert named.code == 2
    assert cli("erase", "list", "--json").document == {"barred": 0, "objects": []}


def test_an_entry_that_may_go_before_the_snapshots_is_told(cli: Cli, keys: dict[str, str]) -> None:
    cli.back_up()
    cli.world.evidence_days = 30
    ran = cli("erase", "add", ANNA, "--reason", "DSR-1", "--key", keys["maria"])
    assert "add it again before" in ran.out


def test_a_blob_that_does_not_verify_is_a_finding(cli: Cli) -> None:
    cli.world.evidence.blobs[f"v1/{TENANT}/erasures/{'a' * 64}/0001.jws"] = b"noise"
    ran = cli("erase", "list")
    assert ran.code == 3
    assert "don't verify" in ran.out


def test_an_override_is_asked_for_by_id_and_shown_to_who_approves(cli: Cli, keys: dict[str, str]) -> None:
    cli.back_up()
    ran = cli("plan", "latest", "--despite-erasure", ANNA.upper(), "--json")
    assert ran.code == 0, ran.err
    assert ran.document["document"]["despiteErasure"] == [ANNA]
    shown = cli("approve", ran.document["plan"], "--key", keys["maria"])
    assert f"BRINGS BACK although on the erasure list: {ANNA}" in shown.err
