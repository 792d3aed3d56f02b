"""Nothing is lost that the catalog doesn't know: objects of a real tenant, and made-up ones with members that
nobody declared, come out of a backup equal in value."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.backup import Backup, content
from tests.fakes import FakeDirectory
from tests.reference import ABSENT
from tests.simulator.seeds_real import reference_folder

REAL = {"conditionalAccessPolicies": 36, "groups": 34, "namedLocations": 3}


async def _through(objects: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """What a snapshot holds of these lines, by type and id."""
    directory = FakeDirectory()
    directory.put("organization", id="org-1", displayName="Contoso")
    for name, lines in objects.items():
        for line in lines:
            directory.put_raw(name, json.loads(line)["id"], line.encode())
    backup = Backup(directory=directory)
    request = replace(backup.request(), types=("organization", *objects))
    await backup.start(request)
    await backup.deliver()
    held = await content(await backup.repository().open(request.snapshot))
    return {name: {key: json.loads(raw) for key, (raw, _, _) in held[name].items()} for name in objects}


async def test_objects_of_a_real_tenant_come_out_as_they_are() -> None:
    folder = reference_folder()
    if folder is None:
        pytest.skip(ABSENT)
    baseline = Path(folder) / "real-data" / "conditional-access-baseline"
    lines = {
        name: [line for line in (baseline / f"{name}.jsonl").read_text(encoding="utf-8").splitlines() if line]
        for name in REAL
    }
    # Two ids of groups occur twice: the later line is what the tenant holds.
    assert {name: len({json.loads(line)["id"] for line in found}) for name, found in lines.items()} == REAL
    held = await _through(lines)
    for name, found in lines.items():
        assert held[name] == {one["id"]: one for one in map(json.loads, found)}
    assert sum(text.count("null") for found in lines.values() for text in found) > 500
    assert any("@odata.context" in text for found in lines.values() for text in found)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=9), inner, max_size=3),
    max_leaves=8,
)
_LISTED = (
    "attributeSets",
    "conditionalAccessPolicies",
    "groupSettings",
    "namedLocations",
    "oauth2PermissionGrants",
    "roleDefinitions",
    "tokenLifetimePolicies",
)
_NAMES = st.sampled_from(["hf_unknown", "x.y", "@odata.etag", "members@odata.context", "ünknown", "deletedBy", "0"])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(_NAMES, _VALUES, max_size=5), st.sampled_from(_LISTED))
def test_members_that_nobody_declared_are_kept(more: dict[str, Any], name: str) -> None:
    one = {"id": "object-1", "displayName": "One", **more}
    held = asyncio.run(_through({name: [json.dumps(one)]}))
    assert held[name] == {"object-1": json.loads(json.dumps(one))}
