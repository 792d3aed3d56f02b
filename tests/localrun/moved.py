"""What two tenants' own tables differ in after the one was restored into the other, and nothing told.

Owns that comparison, beside `truth`. It knows no catalog and no engine: it puts one name in the place of each pair
of domains, follows the ids that plan and report name, and wants everything else equal but for what the report lists
by object, and what the service sets for whatever it has just made.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from tests.localrun import truth

Obj = dict[str, Any]
RESTORER = "holdfast-restore"
# What the service sets for an object that it has just made, what of a tenant is its own, and photos, which are
# recorded where somebody asks for that and never written.
_OWN = {
    "users": ("mail", "proxyAddresses", "identities", "imAddresses", "_photo"),
    "groups": ("mail", "proxyAddresses", "organizationId", "_photo"),
    "applications": ("publisherDomain", "keyCredentials", "passwordCredentials"),
    "servicePrincipals": ("appOwnerOrganizationId",),
    "roleDefinitions": ("templateId",),
    "organization": ("verifiedDomains",),
}


def unexplained(
    before: truth.State,
    first: truth.State,
    after: truth.State,
    report: Obj,
    known_ids: Mapping[str, str],
    domains: Mapping[str, str],
    types: Collection[str] = (),
    owner: str = RESTORER,
) -> list[str]:
    """`before`: the one tenant when it was backed up; `first` and `after`: the other before and after. `report`:
    the document that `holdfast restore --json` prints. `owner`: who comes to own what it makes. Empty: all came
    that could."""
    ids = {**known_ids, **{one["old"]: one["new"] for one in report["newIds"]}}
    told: list[Obj] = report["exclusions"]
    left = {(one["type"], one["target"]) for one in (*report["conflicts"], *told) if not one.get("member")}
    off = {one["target"] for one in (*told, *report["leftOff"]) if one.get("member", "state") == "state"}
    cut = {(one["type"], one["target"], one["member"], ids.get(one["other"], one["other"])) for one in told}
    gone = {target for _, target in left}
    found = []
    for one in truth.compare(_one_name(before, domains), _one_name(after, domains), ids):
        if types and one.table not in types:
            continue
        if one.what == "added" and one.old_id in first[one.table]:
            continue
        if one.what in _OWN.get(one.table, ()) or (one.what == "state" and one.old_id in off):
            continue
        if one.what == "missing" and ((one.table, one.old_id) in left or one.before.get("principalId") in gone):
            continue
        if one.what.startswith("links"):
            name = one.what.removeprefix("links ")
            lost = {end for end in one.before or () if (one.table, one.old_id, name, end) not in cut}
            came = {owner} if name == "owners" else set()
            if lost <= gone and set(one.after or ()) <= came:
                continue
        found.append(repr(one))
    return found


def _one_name(tables: truth.State, domains: Mapping[str, str]) -> truth.State:
    text = json.dumps(tables)
    for old, new in domains.items():
        if new:
            text = text.replace(old, new)
    changed: truth.State = json.loads(text)
    return changed
