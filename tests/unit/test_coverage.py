"""What Graph declares of the tenant is read, excluded with a reason and a source, or known not to be read."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.catalog.coverage import Exclusion, Ledger, Why
from shared.catalog.ledger import LEDGER
from shared.catalog.registry import CATALOG
from shared.catalog.spec import Apart
from shared.cli.parts import Parts, Source
from shared.engines.coverage import Coverage, Finding, Kind, compare
from shared.engines.csdl import read_metadata

from .cli_runner import run
from .cli_world import Deployment
from .csdl_samples import PLAIN, extended, graph_metadata
from .graph_wire import Say, graph

COMMITTED = Path(__file__).with_name("coverage.json")

USERS = replace(
    CATALOG.get("users"),
    select=("id", "deletedDateTime", "displayName"),
    writable=("displayName",),
)
LOCATIONS = CATALOG.get("namedLocations")
SMALL = Ledger(
    roots=frozenset(("users", "identity")),
    answers={"namedLocations": frozenset(("id", "displayName", "ipRanges"))},
    exclusions=(
        Exclusion("users/messages", Why.OTHER_SERVICE, "the page of the type"),
        Exclusion("/shelves", Why.OTHER_SERVICE, "the page of the set"),
    ),
    gaps=frozenset(("users/badges", "microsoft.graph.badges.badge")),
)


def covered(document: bytes, ledger: Ledger = SMALL) -> Coverage:
    return compare((USERS, LOCATIONS), read_metadata([document]), ledger)


def test_what_is_read_excluded_or_known_is_no_finding() -> None:
    coverage = covered(PLAIN.encode())
    assert coverage.unknown == ()
    assert coverage.read == {"users": 4, "namedLocations": 3}
    assert coverage.by_reason == {**dict.fromkeys(Why, 0), Why.OTHER_SERVICE: 2}
    assert coverage.gaps == (
        Finding("microsoft.graph.badges.badge", Kind.TYPE, "/users/badges"),
        Finding("users/badges", Kind.NAVIGATION, "/users/badges"),
    )
    assert (coverage.absent, coverage.stale) == ((), ())


@pytest.mark.parametrize(
    ("where", "element", "found"),
    [
        ("user", '<Property Name="x" Type="Edm.String" />', Finding("users/x", Kind.PROPERTY, "/users/x")),
        (
            "user",
            '<NavigationProperty Name="x" Type="graph.user" />',
            Finding("users/x", Kind.NAVIGATION, "/users/x"),
        ),
        # A type without a `$select`: what its listing shows by itself is known by name, too.
        (
            "ipNamedLocation",
            '<Property Name="x" Type="Edm.String" />',
            Finding("namedLocations/x", Kind.PROPERTY, f"{LOCATIONS.path}/x"),
        ),
        (
            "folder",
            '<NavigationProperty Name="shelf" Type="graph.shelf" ContainsTarget="true" />',
            Finding("microsoft.graph.shelf", Kind.TYPE, "/identity/shelf"),
        ),
        ("container", '<EntitySet Name="x" EntityType="graph.shelf" />', Finding("/x", Kind.ROOT, "/x")),
    ],
)
def test_what_is_new_in_the_metadata_is_found(where: str, element: str, found: Finding) -> None:
    assert covered(extended(where, element)).unknown == (found,)


def test_a_reference_leads_nowhere_and_an_exclusion_ends_the_walk() -> None:
    referred = '<NavigationProperty Name="shelf" Type="graph.shelf" />'
    assert covered(extended("folder", referred)).unknown == ()
    unexcluded = replace(SMALL, exclusions=SMALL.exclusions[1:])
    assert {one.at for one in covered(PLAIN.encode(), unexcluded).unknown} == {
        "users/messages",
        "microsoft.graph.message",
    }


def test_a_folder_whose_own_members_are_excluded_leads_on_to_what_it_contains() -> None:
    """Excluded as a type, what it contains would go with it and never be looked at."""
    document = extended("folder", '<Property Name="pin" Type="Edm.String" />')
    folder = "microsoft.graph.folder"
    assert Finding(folder, Kind.TYPE, "/identity") in covered(document).unknown
    secret = Exclusion(f"{folder}/pin", Why.SECRET, "the page of the type")
    coverage = covered(document, replace(SMALL, exclusions=(*SMALL.exclusions, secret)))
    assert (coverage.unknown, coverage.stale) == ((), ())
    assert secret in coverage.excluded


def test_what_a_path_of_its_own_shows_whole_is_read_wherever_it_is_met() -> None:
    shelf = '<NavigationProperty Name="shelf" Type="graph.shelf" ContainsTarget="true" />'
    document = extended("ipNamedLocation", shelf).replace(b"<!-- folder -->", shelf.encode())
    met = Finding("microsoft.graph.shelf", Kind.TYPE, "/identity/shelf")
    locations = replace(LOCATIONS, odata_type="#microsoft.graph.ipNamedLocation", subtypes=())
    asked = replace(locations, apart=(Apart("shelf", "shelf"),))
    metadata = read_metadata([document])
    assert met in compare((USERS, locations), metadata, SMALL).unknown
    assert met not in compare((USERS, asked), metadata, SMALL).unknown


def test_what_the_metadata_lacks_is_told() -> None:
    coverage = covered(PLAIN.replace('"user"', '"person"').replace("graph.user", "graph.person").encode())
    assert coverage.absent == ("users",)
    assert set(coverage.stale) == {"users/badges", "users/messages"}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"exclusions": (Exclusion("users/*", Why.SECRET, "a page"),)}, "no name of one thing"),
        ({"exclusions": (Exclusion("users/messages", Why.SECRET, ""),)}, "without a source"),
        ({"exclusions": (*SMALL.exclusions, *SMALL.exclusions)}, "excluded twice"),
        ({"gaps": frozenset(("users/messages",))}, "excluded and a gap"),
    ],
)
def test_a_ledger_names_each_thing_once_with_a_source(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(SMALL, **wrong)


# --- the ledger of this release ----------------------------------------------------------------------------


def test_exclusions_and_gaps_only_get_fewer() -> None:
    """Who brings a type or property into the catalog commits the lower number; a higher one needs a good reason."""
    whys = Counter(exclusion.why for exclusion in LEDGER.exclusions)
    members = sum("/" in gap for gap in LEDGER.gaps)
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == {
        "excluded": {why.value: whys[why] for why in Why},
        "gaps": {"members": members, "types": len(LEDGER.gaps) - members},
    }


def test_each_type_says_what_its_listing_holds_by_a_select_or_in_the_ledger() -> None:
    unasked = {spec.name for spec in CATALOG.types if not (spec.select or spec.not_read or spec.bin_of)}
    assert unasked == set(LEDGER.answers)


def test_what_a_restore_writes_is_read() -> None:
    written = {f"{spec.name}/{member}" for spec in CATALOG.types for member in spec.restorable}
    assert not written & LEDGER.gaps
    assert not written & {exclusion.at for exclusion in LEDGER.exclusions}


def test_the_ledger_accounts_for_all_of_graphs_metadata_and_nothing_else() -> None:
    coverage = compare(CATALOG.types, _graph(), LEDGER)
    assert coverage.unknown == ()
    assert coverage.absent == ()
    assert coverage.stale == ()
    assert sum(coverage.by_kind.values()) == len(LEDGER.gaps)
    assert len(coverage.excluded) == len(LEDGER.exclusions)
    assert all(coverage.read.values())


def test_each_type_is_met_where_it_is_at_home() -> None:
    coverage = compare(CATALOG.types, _graph(), LEDGER)
    paths = {finding.at: finding.path for finding in coverage.gaps}
    assert paths["microsoft.graph.remoteTenantGroup"] == "/directory/remoteTenantGroups"
    derived = paths["microsoft.graph.delegatedAdminServiceProviderConstraints"]
    assert derived == "/policies/crossTenantAccessPolicy/partners/serviceProviderConstraints"


def _graph() -> Any:
    with gzip.open(graph_metadata()) as source:
        return read_metadata(source)


# --- the command -------------------------------------------------------------------------------------------


def test_the_command_reads_a_packed_file_and_ends_well(tmp_path: Path) -> None:
    ran = run("catalog", "--coverage", str(graph_metadata()), "--json")
    assert ran.code == 0, ran.err
    assert ran.document["unknown"] == []
    assert len(ran.document["gaps"]) == len(LEDGER.gaps)
    assert ran.document["excludedByReason"] == json.loads(COMMITTED.read_text(encoding="utf-8"))["excluded"]
    shown = run("catalog", "--coverage", str(graph_metadata()))
    partners = "crossTenantAccessPartners/serviceProviderConstraints (navigation, "
    assert f"{partners}{CATALOG.get('crossTenantAccessPartners').path}/serviceProviderConstraints)" in shown.out


def test_a_new_property_ends_the_command_with_a_finding(tmp_path: Path) -> None:
    whole = gzip.decompress(graph_metadata().read_bytes())
    known = b'<Property Name="aboutMe"'
    assert whole.count(known) == 1
    file = tmp_path / "metadata.xml"
    file.write_bytes(whole.replace(known, b'<Property Name="shoeSize" Type="Edm.Int32" />' + known))
    ran = run("catalog", "--coverage", str(file), "--json")
    assert ran.code == 3
    assert ran.document["unknown"] == [{"at": "users/shoeSize", "kind": "property", "path": "/users/shoeSize"}]
    shown = run("catalog", "--coverage", str(file))
    assert shown.code == 3
    assert "users/shoeSize (property, /users/shoeSize)" in shown.out


@pytest.mark.parametrize(
    "content",
    [None, b"\x1f\x8bnot packed", gzip.compress(b"<a/>" * 99)[:-9], b"plain"],
    ids=["absent", "badly packed", "cut short", "plain"],  # packed bytes hold the moment, and workers compare ids
)
def test_a_file_that_is_no_metadata_is_unusable(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "metadata.xml.gz"
    if content is not None:
        file.write_bytes(content)
    ran = run("catalog", "--coverage", str(file))
    assert ran.code == 2
    assert "the metadata" in ran.err


def test_without_a_file_graph_is_asked() -> None:
    @asynccontextmanager
    async def opener(source: Source) -> AsyncIterator[Parts]:
        answer = Say(body=PLAIN.encode(), headers={"content-type": "application/xml"})
        async with graph([answer]) as (directory, _, _):
            operator: Any = SimpleNamespace(directory=directory)
            yield replace(Deployment().parts(), operator=operator)

    ran = run("catalog", "--coverage", "--json", opener=opener)
    assert ran.code == 3, ran.err
    unknown = {finding["at"] for finding in ran.document["unknown"]}
    # Of the small service: a set of its own, and what users hold there only.
    assert {"/shelves", "users/badges", "microsoft.graph.badges.badge"} <= unknown
    assert "groups" in ran.document["absent"]


def test_a_copy_can_t_be_asked() -> None:
    @asynccontextmanager
    async def opener(source: Source) -> AsyncIterator[Parts]:
        yield replace(Deployment().parts(), operator=None)

    ran = run("catalog", "--coverage", opener=opener)
    assert ran.code == 2
    assert "metadata needs the deployment" in ran.err
