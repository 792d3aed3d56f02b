"""Real policies, groups and locations as seed objects, from the reference data beside the repository.

The files hold what a beta read with full annotations gave. Annotations are taken off (the server makes its own),
and references to built-in strengths are kept by id.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.reference import reference

from .conditional_access import stored_form
from .schema import is_guid
from .seeds_apps import know_first_party

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
_FOLDER = Path("real-data") / "conditional-access-baseline"
_BREAK_GLASS = "CA-BreakGlassAccounts - Exclude"
_APP_NAMES = {
    "14d82eec-204b-4c2f-b7e8-296a70dab67e": "Microsoft Graph Command Line Tools",
    "f53895d3-095d-408f-8e93-8f94b391404e": "Microsoft Learn",
}


def reference_folder() -> str | None:
    """Where the reference data is, or None where it is absent."""
    found = reference(*_FOLDER.parts)
    return None if found is None else str(found.parents[len(_FOLDER.parts) - 1])


def _lines(reference: str, name: str) -> list[Obj]:
    text = (Path(reference) / _FOLDER / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def plant_real(planter: Planter, reference: str) -> None:
    _plant_groups(planter, reference)
    for raw in _lines(reference, "namedLocations.jsonl"):
        kind = raw["@odata.type"]
        planter.put("namedLocations", {**stored_form(raw), "@odata.type": kind})
    for raw in _lines(reference, "conditionalAccessPolicies.jsonl"):
        policy = stored_form(raw)
        strength = (policy.get("grantControls") or {}).get("authenticationStrength")
        if strength is not None:
            policy["grantControls"]["authenticationStrength"] = {"id": strength["id"]}
        planter.put("conditionalAccessPolicies", policy)
        _know_apps(planter, policy)
    planter.service.settings.full_annotations = True


def _plant_groups(planter: Planter, reference: str) -> None:
    """34 groups from 36 lines: where an id occurs twice the later line is its present name."""
    found = {raw["id"]: raw for raw in _lines(reference, "groups.jsonl")}
    for number, (key, raw) in enumerate(found.items()):
        group = {k: v for k, v in raw.items() if v is not None and "@odata." not in k}
        group["organizationId"] = planter.tenant_id
        planter.put("groups", group)
        if raw["displayName"] == _BREAK_GLASS:
            planter.break_glass_group = key
            for user in planter.break_glass:
                planter.store.link("groups.members", key, user)
            continue
        size = (0, 2, 5, 12, 25)[number % 5]
        if "DynamicMembership" in group["groupTypes"]:
            continue
        for member in planter.rng.sample(planter.user_ids, min(size, len(planter.user_ids))):
            planter.store.link("groups.members", key, member)


def _know_apps(planter: Planter, policy: Obj) -> None:
    apps = policy["conditions"].get("applications") or {}
    for name in ("includeApplications", "excludeApplications"):
        for app_id in apps.get(name) or []:
            if is_guid(app_id):
                know_first_party(planter.service, app_id, _APP_NAMES.get(app_id, f"First-party app {app_id[:8]}"))
