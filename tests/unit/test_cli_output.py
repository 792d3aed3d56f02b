"""Screen, text, waiting, catalog: what people and programs get to read."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.cli.screen import Answer, Screen, error_lines, to_json
from shared.cli.waiting import numbers, span, wait_for
from shared.domain.errors import Fault, NotYet, Refused, StorageDown, Unusable
from shared.pages.text import count, duration, shorten, size
from tests.unit.cli_runner import no_pause, run
from tests.unit.cli_samples import HOSTILE, NOW


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# --- errors ------------------------------------------------------------------------------------------------


def test_errors_say_what_which_saved_and_next() -> None:
    error = Refused(
        "it was refused", object_type="groups", object_id="g1", request_id="r1", saved="all of it", hint="look"
    )
    assert error_lines(error) == [
        "error: it was refused",
        "  object:  groups g1",
        "  request: r1",
        "  saved:   all of it",
        "  next:    look",
    ]


def test_hostile_error_text_keeps_its_line() -> None:
    lines = error_lines(Fault(f"failed at {HOSTILE}\nnext: rm -rf", object_id="a\x1bb"))
    assert len(lines) == 2
    assert "‹U+000A›next: rm" in lines[0]
    assert "‹U+001B›" in lines[1]


@pytest.mark.parametrize(("kind", "code"), [(Fault, 1), (Unusable, 2), (Refused, 3), (NotYet, 1)])
def test_errors_end_with_their_exit_code_and_one_document(kind: Any, code: int) -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(as_json=True, out=out, err=err)
    assert screen.fail(kind("no", hint="try")) == code
    assert json.loads(out.getvalue()) == {
        "error": {"kind": kind.__name__, "what": "no", "next": "try"},
        "exitCode": code,
    }
    assert "error: no" in err.getvalue()


# --- screen ------------------------------------------------------------------------------------------------


def test_json_goes_out_alone_and_in_ascii() -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(as_json=True, out=out, err=err)
    assert screen.answer(Answer({"name": HOSTILE, "at": NOW}, ("never shown",), 4)) == 4
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue()) == {"name": HOSTILE, "at": "2026-11-22T10:30:00Z"}
    assert err.getvalue() == ""


def test_json_refuses_what_it_can_not_say() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        to_json({"n": float("nan")})
    with pytest.raises(TypeError):
        to_json({"n": object()})


def test_progress_is_lines_without_a_terminal_and_repeats_nothing() -> None:
    err = io.StringIO()
    with Screen(err=err).progress("reading") as progress:
        for text in ("1 of 2", "1 of 2", "2 of 2", "bad \x1b name"):
            progress.tell(text)
    assert err.getvalue().splitlines() == ["reading", "1 of 2", "2 of 2", "bad ‹U+001B› name"]


def test_progress_on_a_terminal_stays_off_standard_output() -> None:
    out, err = Terminal(), Terminal()
    with Screen(out=out, err=err).progress("reading") as progress:
        progress.tell("[bold]1 of 2[/bold]")
    assert out.getvalue() == ""
    assert err.getvalue() != ""


# --- text --------------------------------------------------------------------------------------------------


def test_small_words() -> None:
    assert (count(1, "step"), count(1200, "step"), count(0, "entry", "entries")) == (
        "1 step",
        "1,200 steps",
        "0 entries",
    )
    assert (duration(45), duration(720), duration(12000)) == ("45 s", "12 min", "3 h 20 min")
    assert (size(312), size(4404020), size(2**50)) == ("312 B", "4.2 MiB", "1024.0 TiB")
    assert shorten("abcdef", 4) == "abc…"


def test_spans_and_lists() -> None:
    assert (span("45m"), span("8h"), span("2d")) == (timedelta(minutes=45), timedelta(hours=8), timedelta(days=2))
    assert numbers("4, 2,3,2") == (2, 3, 4)
    for text in ("", "8", "h", "-1h", "0d", "1.5h", "99999h", "٣h"):
        with pytest.raises(Unusable):
            span(text)
    for text in ("", ",", "a", "1;2", "-1", "²"):
        with pytest.raises(Unusable):
            numbers(text)


# --- waiting -----------------------------------------------------------------------------------------------


async def test_waiting_sits_out_a_storage_account_that_is_down_for_a_moment() -> None:
    answers: list[Any] = [StorageDown("busy"), None, "there"]

    async def look() -> str | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await wait_for(look, pause=no_pause, minutes=1, what="it", hint="look") == "there"


async def test_waiting_ends_with_the_trouble_or_with_what_is_missing() -> None:
    async def down() -> str | None:
        raise StorageDown("not there")

    async def never() -> str | None:
        return None

    with pytest.raises(StorageDown, match="not there"):
        await wait_for(down, pause=no_pause, minutes=0, what="it", hint="look")
    with pytest.raises(NotYet, match="it is not there after 0 minutes") as raised:
        await wait_for(never, pause=no_pause, minutes=0, what="it", hint="look")
    assert raised.value.hint == "look"


# --- catalog -----------------------------------------------------------------------------------------------


def test_catalog_prints_every_declared_type() -> None:
    ran = run("catalog", "--json")
    assert ran.code == 0
    assert [one["name"] for one in ran.document["types"]] == [spec.name for spec in CATALOG.types]
    assert ran.document["catalogVersion"] == CATALOG.version
    shown = run("catalog").out
    for spec in CATALOG.types:
        assert spec.name in shown


@pytest.mark.parametrize("spec", CATALOG.types, ids=lambda spec: spec.name)
def test_catalog_prints_one_type_in_full(spec: Any) -> None:
    ran = run("catalog", spec.name)
    assert ran.code == 0
    for quirk in spec.quirks:
        assert quirk.about in ran.out
        assert f"{quirk.source} (unverified)" in ran.out or not quirk.unverified
    document = run("catalog", spec.name, "--json").document
    assert document["path"] == spec.list_path
    assert document["writable"] == list(spec.writable)
    assert document.keys() >= {
        *("name", "path", "version", "read", "tier", "select", "relationships", "restore", "permissions"),
        *("throttleClass", "references", "matchKeys", "latency", "drill", "licence"),
    }
    assert [one["path"] for one in document["relationships"]] == [
        f"{spec.item_path}/{one.at or one.name}" for one in spec.relationships
    ]
    assert bool(document["restore"]["mechanisms"]) != bool(document["restore"]["whyNot"])
    assert (document["drill"] == "none") == bool(document["noDrill"])


def test_catalog_says_of_types_that_differ_what_differs() -> None:
    of = {one["name"]: one for one in run("catalog", "--json").document["types"]}
    users, policy, credentials = of["users"], of["authorizationPolicy"], of["federatedIdentityCredentials"]
    assert (users["read"], users["latency"], users["drill"]) == ("listAndDelta", "A", "canary")
    assert users["restore"] == {
        "mechanisms": ["recycleBin", "create", "patch", "link"],
        "whyNot": None,
        "notCreated": None,
    }
    assert "onPremisesImmutableId" in users["select"]
    assert users["relationships"][0]["path"] == "/v1.0/users/{id}/manager"
    assert (policy["read"], policy["restore"]["mechanisms"]) == ("singleton", ["patch"])
    assert "can't be deleted" in policy["restore"]["notCreated"]
    assert (credentials["read"], credentials["latency"]) == ("withParent", "B")
    assert of["roleAssignmentScheduleInstances"]["restore"]["mechanisms"] == []
    assert of["conditionalAccessPolicies"]["licence"] == "Entra ID P1; P2 where a policy looks at risk"
    assert of["conditionalAccessPolicies"]["throttleClass"] == "conditionalAccess"
    groups = of["groups"]
    assert groups["permissions"]["writeSome"][0]["anyOf"] == ["RoleManagement.ReadWrite.Directory"]
    assert ["Member.Read.Hidden"] in groups["relationships"][0]["permissions"]["read"]


def test_permissions_are_those_of_the_catalog() -> None:
    document = run("catalog", "--permissions", "--json").document
    assert {tuple(group) for group in document["read"]} == set(CATALOG.needs(write=False))
    assert {tuple(group) for group in document["write"]} == set(CATALOG.needs(write=True))
    one = run("catalog", "groups", "--permissions", "--json").document
    assert ["Member.Read.Hidden"] in one["read"]
    assert list(one["types"]) == ["groups"]


def test_unknown_type_names_the_known_ones() -> None:
    ran = run("catalog", "nothings")
    assert ran.code == 2
    assert "conditionalAccessPolicies" in ran.err


# --- demo --------------------------------------------------------------------------------------------------


def test_demo_without_the_checkout_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shared.cli.demo.CHECKOUT", tmp_path)
    ran = run("demo")
    assert ran.code == 2
    assert "make demo" in ran.err
