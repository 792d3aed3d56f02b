"""Reading recycle bins: to the end, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.errors import Fault, GraphNotLicensed, GraphNotPermitted, HoldfastError, PageTokenExpired
from shared.domain.ports import GraphRequest, GraphResponse, Page
from shared.engines.bins import read_bins


class Pages:
    """A directory that answers listings from a script: per path, pages or errors in turn."""

    def __init__(self, **answers: list[Page | HoldfastError]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def page(self, request: GraphRequest) -> Page:
        self.asked.append(request.path)
        name = next((name for name in self.answers if f"{name}?" in f"{request.path}?"), "")
        if not name:
            return page([])
        answer = self.answers[name].pop(0)
        if isinstance(answer, HoldfastError):
            raise answer
        return answer

    async def send(self, request: GraphRequest) -> GraphResponse:
        raise AssertionError("a bin is only listed")

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        raise AssertionError("a bin is only listed")

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        raise AssertionError("a bin is only listed")

    async def roles(self) -> frozenset[str] | None:
        return None


def page(ids: list[str], next_link: str | None = None) -> Page:
    return Page(tuple(json.dumps({"id": key}).encode() for key in ids), next_link, None)


async def test_every_page_of_every_bin_is_read_empty_ones_too() -> None:
    pages = Pages(
        **{
            "microsoft.graph.user": [
                page(["a"], "/v1.0/microsoft.graph.user?t=1"),
                page([], "/v1.0/microsoft.graph.user?t=2"),
                page(["b"]),
            ]
        }
    )
    found = await read_bins(pages, CATALOG)
    assert set(found) == {spec.name for spec in CATALOG.types if spec.bin}
    assert set(found["users"]) == {"a", "b"}
    assert any("$select=" in path and "department" in path for path in pages.asked)
    assert "/beta/identity/conditionalAccess/deletedItems/policies" in pages.asked


async def test_a_refused_bin_is_an_error_that_names_the_type() -> None:
    refused = GraphNotPermitted("no", status=403, request_id="r1")
    with pytest.raises(GraphNotPermitted) as caught:
        await read_bins(Pages(**{"microsoft.graph.group": [refused]}), CATALOG, ["groups"])
    assert caught.value.object_type == "groups"
    assert caught.value.request_id == "r1"


async def test_the_bin_of_a_type_that_the_tenant_has_no_plan_for_holds_nothing() -> None:
    refused = GraphNotLicensed("no", status=400)
    assert CATALOG.get("lifecycleWorkflows").licence is not None
    found = await read_bins(Pages(**{"deletedItems/workflows": [refused]}), CATALOG, ["lifecycleWorkflows"])
    assert found == {"lifecycleWorkflows": {}}
    with pytest.raises(GraphNotLicensed):
        await read_bins(Pages(**{"microsoft.graph.user": [refused]}), CATALOG, ["users"])


async def test_an_expired_page_token_starts_the_bin_again_from_nothing() -> None:
    expired = PageTokenExpired("old", status=400)
    link = "/v1.0/microsoft.graph.user?t=1"
    pages = Pages(**{"microsoft.graph.user": [page(["gone"], link), expired, page(["a"], link), page(["b"])]})
    assert set((await read_bins(pages, CATALOG, ["users"]))["users"]) == {"a", "b"}
    always = Pages(**{"microsoft.graph.user": [expired, expired, expired]})
    with pytest.raises(Fault, match="to its end"):
        await read_bins(always, CATALOG, ["users"])


async def test_a_bin_that_links_in_a_circle_or_holds_things_without_id_is_an_error() -> None:
    link = "/v1.0/microsoft.graph.user?t=1"
    with pytest.raises(Fault, match="links back"):
        await read_bins(Pages(**{"microsoft.graph.user": [page([], link), page([], link)]}), CATALOG, ["users"])
    for raw in (b"{}", b"[]", b'{"id": 3}', b"{"):
        odd = Page((raw,), None, None)
        with pytest.raises(Fault, match="holds an item"):
            await read_bins(Pages(**{"microsoft.graph.user": [odd]}), CATALOG, ["users"])
