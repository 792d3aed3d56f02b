"""Bad answers of Graph, and none: each is told clearly, and nothing is lost by it.

One deployment for the module; faults end with their test.
"""

from __future__ import annotations

import json

import pytest

from tests.localrun.world import World
from tests.scenario.apps import FACTOR, SETTINGS, Apps, Obj, holds_all, says
from tests.scenario.outside import Listener, dead_port, readable, said, until

__all__ = ["FACTOR", "SETTINGS"]  # read by the deployment's fixture
pytestmark = [pytest.mark.azurite, pytest.mark.usefixtures("faults_end")]


@pytest.mark.full
def test_graph_that_can_not_be_reached_leaves_the_run_open_until_it_is_back(
    world: World, apps: Apps, taken: str
) -> None:
    with dead_port() as port:
        away = f"http://127.0.0.1:{port}"
        live = world.shell("diff", taken, "live", "--type", "groups", "--json", HOLDFAST_GRAPH_URL=away)
        says(live, 1, "no whole answer from Graph: no connection", "look whether Graph is well and can be reached")
        host = apps.start("backup", HOLDFAST_GRAPH_URL=away)
        world.holdfast("backup", "--request-id", "graph-is-away", "--no-wait")
        until(
            lambda: "GraphDown" in {one["error"] for one in said(world, "backup", "work.postponed")},
            "a work item that is put off",
        )
        ended = world.shell("backup", "--request-id", "graph-is-away", "--timeout", "0.02", "--json")
        says(
            ended,
            1,
            "is not there after 0.02 minutes",
            "goes on without this terminal",
            "holdfast backup --request-id graph-is-away",
        )
        (run,) = world.holdfast_json("status")["runs"]
        assert (run["done"], len(run["missing"])) == (0, run["items"])
        assert readable(world) == [taken]
        assert host.running
    apps.start("backup")
    done = world.holdfast_json("backup", "--request-id", "graph-is-away", "--timeout", "6")
    assert done["snapshot"] == run["snapshot"]
    holds_all(world, done)


@pytest.mark.full
def test_401_is_told_and_the_run_goes_on_when_the_token_is_good_again(world: World, apps: Apps, taken: str) -> None:
    told = world.shell("diff", taken, "live", "--type", "users", "--json", HOLDFAST_GRAPH_TOKEN="expired")
    says(told, 1, "Graph answered 401", "check tenant id, app registration and its credential")
    # Each try sends twice: the second time with a token that was asked for anew. Members are listed by one item
    # only; groups by several, which at the same time would be refused once each and go on.
    _fault(world, "GET", r"^/v1\.0/groups$", {"status": 401}, times=2, query="expand=members")
    done = world.holdfast_json("backup", "--timeout", "6")
    failures = [one for one in said(world, "backup", "work.failed") if one["error"] == "GraphUnauthorized"]
    assert [one["item"] for one in failures] == ["groups.members"]
    assert "Graph answered 401" in failures[0]["reason"]
    holds_all(world, done)


@pytest.mark.full
def test_403_for_one_type_leaves_that_type_out_and_says_so(world: World, apps: Apps) -> None:
    _fault(world, "GET", r"/conditionalAccess/namedLocations", {"status": 403})
    ended = world.shell("backup", "--timeout", "6", "--json")
    assert ended.code == 4, ended
    shown = json.loads(ended.out)
    states = {name: one["state"] for name, one in {**shown["types"], **shown["relationships"]}.items()}
    assert states.pop("namedLocations") == "notPermitted"
    assert set(states.values()) == {"complete"}
    plain = world.shell("show", shown["snapshot"])
    assert "namedLocations: notPermitted (Authorization_RequestDenied)" in plain.out


@pytest.mark.full
def test_a_page_cut_short_is_read_again_and_never_taken_for_the_whole(world: World, apps: Apps, taken: str) -> None:
    world.simulator.settings(listPageCap=15)
    _fault(world, "GET", r"^/v1\.0/users$", {"truncateBody": 700}, times=3)
    done = world.holdfast_json("backup", "--timeout", "6")
    assert [one["fired"] for one in world.simulator.fault_report()] == [3]
    holds_all(world, done)
    _fault(world, "GET", r"^/v1\.0/groups$", {"truncateBody": 700})
    told = world.shell("diff", taken, "live", "--type", "groups", "--json")
    says(told, 1, "no whole answer from Graph", "groups", "look whether Graph is well")


@pytest.mark.full
def test_a_next_link_to_another_host_is_refused_and_nothing_is_sent_there(
    world: World, apps: Apps, taken: str
) -> None:
    world.simulator.settings(listPageCap=15)
    with Listener() as other:
        _fault(world, "GET", r"^/v1\.0/users$", {"nextLinkHost": other.address}, times=2)
        told = world.shell("diff", taken, "live", "--type", "users", "--json")
        says(told, 3, "a link to http://127.0.0.1", "gets no credentials from us", "nothing was sent there")
        done = world.holdfast_json("backup", "--timeout", "6")
        assert other.received == []
        other.ring()
        assert until(lambda: other.received, "a connection that is noticed")
    assert [one["fired"] for one in world.simulator.fault_report()] == [2]
    assert "ForeignLink" in {one["error"] for one in said(world, "backup", "work.failed")}
    holds_all(world, done)


def _fault(world: World, method: str, path: str, effect: Obj, *, times: int = 0, query: str = "") -> None:
    app = world.simulator.ready["holdfastApps"]["backup"]
    match: Obj = {"method": method, "pathRegex": path, "queryRegex": query, "appid": app}
    if times:
        match["times"] = times
    world.simulator.faults([{"match": match, "effect": effect}])
