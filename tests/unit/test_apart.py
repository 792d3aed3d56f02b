"""Members that have a path of their own: asked for where there is one, null where there is none, left out where
they are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain import data_uri
from shared.domain.errors import GraphDown
from shared.domain.snapshot import State, Why
from shared.engines.reading import with_apart
from tests.backup import Backup
from tests.fakes import FakeDirectory, forbidden, once, refuse

APPLICATIONS = CATALOG.get("applications")
LOGO = data_uri.encode("image/png", b"logo")


def application(key: str, logo_url: str | None) -> bytes:
    return json.dumps({"id": key, "displayName": key, "info": {"logoUrl": logo_url}}).encode()


def tenant() -> FakeDirectory:
    directory = FakeDirectory()
    directory.files = {f"/v1.0/applications/{key}/logo": LOGO for key in ("has", "hidden")}
    return directory


async def told(directory: FakeDirectory, *lines: bytes) -> tuple[list[dict[str, Any]], int]:
    found, refused = await with_apart(directory, APPLICATIONS, lines)
    return [json.loads(line) for line in found], refused


async def test_what_says_that_it_has_one_is_asked_and_nothing_else() -> None:
    directory = tenant()
    lines = application("has", "https://cdn.example/1"), application("none", None), application("hidden", None)
    found, refused = await told(directory, *lines)
    assert [one["logo"] for one in found] == [LOGO, None, None]
    assert refused == 0
    assert [path for path in directory.requests if "logo" in path] == ["/v1.0/applications/has/logo"]


async def test_one_that_went_meanwhile_is_null() -> None:
    found, refused = await told(tenant(), application("went", "https://cdn.example/1"))
    assert (found[0]["logo"], refused) == (None, 0)


async def test_one_that_is_refused_is_left_out_and_counted() -> None:
    directory = tenant()
    directory.before.append(refuse("/logo", forbidden))
    found, refused = await told(directory, application("has", "https://cdn.example/1"), application("none", None))
    assert "logo" not in found[0]
    assert (found[1]["logo"], refused) == (None, 1)


async def test_the_objects_own_member_names_and_texts_stay_as_they_are() -> None:
    line = b'{"id":"has","n":1.50,"info":{"logoUrl":"http://x"},"t":"\\u00e9 \\ud83d"}'
    (found,), _ = await with_apart(tenant(), APPLICATIONS, [line])
    assert found == line[:-1] + b',"logo":"%b"}' % LOGO.encode()


async def backup(*hooks: Any) -> Backup:
    directory = tenant()
    for key in ("has", "none"):
        directory.put_raw("applications", key, application(key, "https://cdn.example/1" if key == "has" else None))
    directory.before += hooks
    made = Backup(directory=directory, clock=ManualClock())
    await made.back_up()
    return made


async def test_a_refused_logo_makes_the_type_partial_and_keeps_every_object() -> None:
    view = await (await backup(refuse("/logo", forbidden))).repository().open()
    completeness = view.manifest.completeness("applications")
    assert (completeness.state, completeness.reason) == (State.PARTIAL, Why.NOT_PERMITTED_FOR_SOME)
    assert sorted([entry.id async for entry, _ in view.objects("applications")]) == ["has", "none"]


async def test_a_logo_that_changes_while_it_is_read_is_the_new_one() -> None:
    newer = data_uri.encode("image/png", b"newer")

    def change() -> None:
        directory.files["/v1.0/applications/has/logo"] = newer
        directory.put_raw("applications", "has", application("has", "https://cdn.example/2"))

    directory = tenant()
    directory.put_raw("applications", "has", application("has", "https://cdn.example/1"))
    # After the logo was read, and before the feed is asked what changed meanwhile.
    directory.before.append(once("applications/delta?$deltatoken=", change, skip=1))
    made = Backup(directory=directory, clock=ManualClock())
    await made.back_up()
    view = await made.repository().open()
    assert [json.loads(raw)["logo"] async for _, raw in view.objects("applications")] == [newer]
    assert view.manifest.completeness("applications").state is State.COMPLETE


async def test_graph_that_is_away_is_no_missing_logo() -> None:
    class Away(FakeDirectory):
        async def send(self, request: Any) -> Any:
            answer = await super().send(request)
            return type(answer)(503, b"") if request.file else answer

    with pytest.raises(GraphDown):
        await with_apart(Away(), APPLICATIONS, [application("has", "https://cdn.example/1")])
