"""Metadata is read whole or refused, in any pieces, and never makes the reader do anything else."""

from __future__ import annotations

import pytest

from shared.domain.errors import GraphError, Unusable
from shared.engines import csdl
from shared.engines.csdl import Navigation, ask_metadata, read_metadata

from .csdl_samples import PLAIN
from .graph_wire import Heard, Say, error, graph

WHOLE = PLAIN.encode()


@pytest.mark.parametrize("length", [1, 7, 4096, len(WHOLE)])
def test_types_members_and_sets_are_read_from_pieces_of_any_length(length: int) -> None:
    metadata = read_metadata(WHOLE[start : start + length] for start in range(0, len(WHOLE), length))
    assert metadata.roots == {
        "users": "microsoft.graph.user",
        "shelves": "microsoft.graph.shelf",
        "identity": "microsoft.graph.folder",
    }
    user = metadata.entities["microsoft.graph.user"]
    assert user.base == "microsoft.graph.directoryObject"
    assert user.properties == ("displayName",)
    assert user.navigations == (
        Navigation("manager", "microsoft.graph.directoryObject", contains=False),
        Navigation("messages", "microsoft.graph.message", contains=True),
        Navigation("badges", "microsoft.graph.badges.badge", contains=True),
    )
    assert "microsoft.graph.employeeOrgData" not in metadata.entities
    names = [entity.name.rpartition(".")[2] for entity in metadata.lineage("microsoft.graph.user")]
    assert names == ["user", "directoryObject", "entity"]
    below = {entity.name.rpartition(".")[2] for entity in metadata.descendants("microsoft.graph.entity")}
    assert below == {
        "directoryObject",
        "user",
        "message",
        "namedLocation",
        "ipNamedLocation",
        "folder",
        "shelf",
        "badge",
    }


def test_types_that_inherit_in_circles_are_read_once() -> None:
    metadata = read_metadata(
        [PLAIN.replace('"shelf" BaseType="graph.entity"', '"shelf" BaseType="graph.shelf"').encode()]
    )
    assert [entity.name for entity in metadata.lineage("microsoft.graph.shelf")] == ["microsoft.graph.shelf"]


HEAD, BODY = PLAIN.split("\n", 1)
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("declaration", [BOMB, OUTSIDE, "<!DOCTYPE a>", '<!DOCTYPE a SYSTEM "http://127.0.0.1/">'])
def test_a_document_type_declaration_is_refused(declaration: str) -> None:
    with pytest.raises(Unusable, match="document type declaration"):
        read_metadata([f"{HEAD}\n{declaration}\n{BODY}".encode()])


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (b"", "no well-formed XML"),
        (WHOLE[:-30], "no well-formed XML"),
        (b'{"error": {}}', "no well-formed XML"),
        (b"<html><body>Sign in</body></html>", "no entity types"),
        (WHOLE.replace(b"EntityContainer", b"Other"), "no entity types or no entity sets"),
        (b"<a>" * 100, "nests more than"),
    ],
)
def test_anything_but_whole_metadata_is_refused(wrong: bytes, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        read_metadata([wrong])


def test_it_is_read_up_to_a_size_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csdl, "LARGEST", len(WHOLE))
    assert read_metadata([WHOLE]).roots
    taken = 0

    def endless() -> object:
        nonlocal taken
        yield WHOLE
        while True:
            taken += 1
            yield b" "

    with pytest.raises(Unusable, match="larger than"):
        read_metadata(endless())  # type: ignore[arg-type]
    assert taken == 1


async def test_graph_is_asked_for_xml_at_the_root_of_v1() -> None:
    async with graph([Say(body=WHOLE, headers={"content-type": "application/xml"})]) as (directory, server, _):
        assert (await ask_metadata(directory)).roots
        (heard,) = server.heard
        assert (heard.method, heard.path) == ("GET", "/v1.0/$metadata")
        assert _accepts(heard) == "application/xml"


async def test_a_refusal_is_told_as_graphs() -> None:
    async with graph([error(403, "Authorization_RequestDenied", "Not for you.")]) as (directory, _, _):
        with pytest.raises(GraphError, match=r"403.*Not for you") as told:
            await ask_metadata(directory)
        assert (told.value.status, told.value.code) == (403, "Authorization_RequestDenied")


def _accepts(heard: Heard) -> str:
    return {name.lower(): value for name, value in heard.headers.items()}["accept"]
