"""Rights: what the templates assign, in the words of `docs/security.md`, and what no role may ever hold."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.infra.cases import COPY_GROUPS, GROUPS, Texts
from tests.infra.evaluate import SUBSCRIPTION, Deployment, Resource, made_up
from tests.infra.page import SECURITY, listed, table
from tests.infra.policy import part_of

BUILT_IN: Final = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}
# In no role of ours: each lets its holder alter or remove what was stored, weaken a policy,
# get a key, give itself rights, or change an app's settings.
_BLOBS: Final = r"Microsoft\.Storage/storageAccounts/blobServices/containers/blobs/(?!add/action$|read$).*"
FORBIDDEN: Final = re.compile(
    rf"{_BLOBS}|.*\*.*|.*/listKeys/action|.*Sas/action|.*generateUserDelegationKey/action|Microsoft\.Authorization/(?!role(Assignments|Definitions)/read$).*"
    r"|.*/immutabilityPolicies/(write|delete)|Microsoft\.Storage/storageAccounts/(write|delete)"
    r"|Microsoft\.Storage/.*/containers/(write|delete)|Microsoft\.Web/sites/(write|delete|config/.*)"
    r"|Microsoft\.KeyVault/vaults/(write|delete).*|.*/purge/.*|.*/managementPolicies/(write|delete)"
)

COPIER: Final = "copier"

Grants = dict[tuple[str, str], set[str]]


def findings(texts: Texts) -> Iterator[str]:
    for deployment in (texts.plain, texts.copy_plain):
        yield from _roles(deployment)
    plain, full = _by_page("Identity", (*GROUPS, COPIER))
    yield from _compared("the default deployment", grants(texts.plain, {}), plain)
    groups = {made_up(group): group for group in (*GROUPS, COPIER)}
    yield from _compared("a deployment with every group", grants(texts.open, groups), full)
    yield from _compared("a private deployment", grants(texts.private, {}), plain)
    for group in GROUPS:
        deployment = texts.deployed({f"{group}GroupId": made_up(group)})
        own = {key: places for key, places in full.items() if key[0] == group}
        yield from _compared(f"a deployment with {group} alone", grants(deployment, groups), {**plain, **own})
    yield from _copies(texts)


def _copies(texts: Texts) -> Iterator[str]:
    plain, full = _by_page("Identity in the copy", COPY_GROUPS)
    groups = {made_up(group): group for group in COPY_GROUPS}
    yield from _compared("the default copy", grants(texts.copy_plain, {}), plain)
    yield from _compared("a copy with every group", grants(texts.copy_open, groups), full)
    yield from _compared("a private copy", grants(texts.copy_private, {}), plain)
    for group in COPY_GROUPS:
        deployment = texts.copied({f"{group}GroupId": made_up(group)})
        own = {key: places for key, places in full.items() if key[0] == group}
        yield from _compared(f"a copy with {group} alone", grants(deployment, groups), {**plain, **own})


def grants(deployment: Deployment, groups: dict[str, str]) -> Grants:
    """Identity and role → on what."""
    identities = {
        made_up(f"{one.id} principalId"): f"{part_of(one)} app"
        for one in deployment.of("Microsoft.ManagedIdentity/userAssignedIdentities")
    }
    found: Grants = defaultdict(set)
    for one in deployment.of("Microsoft.Authorization/roleAssignments"):
        principal = one.properties["principalId"]
        app = principal in identities or groups.get(principal) == COPIER
        kind = "ServicePrincipal" if app else "Group"
        who = identities.get(principal) or groups.get(principal) or f"unknown {principal}"
        if one.properties["principalType"] != kind:
            who = f"{who} as {one.properties['principalType']}"
        role = _role(deployment, one.properties["roleDefinitionId"])
        found[who, role].add(_place(deployment, one.scope))
    return found


def _role(deployment: Deployment, id: str) -> str:
    guid = id.rpartition("/")[2]
    for one in deployment.of("Microsoft.Authorization/roleDefinitions"):
        if one.name == guid:
            return str(one.properties["roleName"].split(" ")[1])
    return BUILT_IN.get(guid, f"unknown role {guid}")


def _place(deployment: Deployment, scope: str) -> str:
    """A resource in the words of the page."""
    found = deployment.at(scope)
    if scope == SUBSCRIPTION:
        return "subscription"
    if found is None:
        return f"something else: {scope}"
    match found.type.rpartition("/")[2]:
        case "containers":
            return "container " + re.sub(r"\d+d$", "{days}d", found.leaf)
        case "queues":
            return f"queue {found.leaf}"
        case "tables" | "tableServices":
            return (
                f"table holdfast of the {_account(deployment, found)}"
                if found.leaf in ("holdfast", "default")
                else scope
            )
        case "keys":
            return f"key {found.leaf}"
        case "workspaces":
            return "log"
        case "components":
            return "telemetry"
        case "sites":
            return f"{part_of(found)} app"
        case "vaults":
            return "key vault of passwords" if "-p-" in found.name else "key vault of signing keys"
        case "storageAccounts":
            return _account(deployment, found)
    return f"something else: {scope}"


def _account(deployment: Deployment, resource: Resource) -> str:
    account = resource.name.split("/")[0]
    letter = re.sub(r"[0-9a-f]{13}$", "", account)[-1]
    return {
        "v": "vault account",
        "b": "backup state account",
        "r": "restore state account",
        "h": "backup host storage",
        "g": "restore host storage",
        "c": "copy host storage",
    }.get(letter, account)


def _by_page(heading: str, given: tuple[str, ...]) -> tuple[Grants, Grants]:
    """What the page says of apps alone, and with those whose ids are given."""
    plain: Grants = {}
    full: Grants = {}
    for who, role, places in table(SECURITY, heading, "Role", "On"):
        full[who, role] = listed(places)
        if who not in given:
            plain[who, role] = listed(places)
    return plain, full


def _compared(what: str, found: Grants, said: Grants) -> Iterator[str]:
    for key in sorted({*found, *said}):
        who, role = key
        for place in sorted(found.get(key, set()) - said.get(key, set())):
            yield f"{what}: {who} gets {role} on {place}, which {SECURITY} doesn't say"
        for place in sorted(said.get(key, set()) - found.get(key, set())):
            yield f"{what}: {SECURITY} says that {who} gets {role} on {place}, and the templates don't give it"


def _roles(deployment: Deployment) -> Iterator[str]:
    said = {
        role: (listed(actions), listed(data))
        for role, actions, data in table(SECURITY, "Role", "Actions", "Data actions")
    }
    found = {}
    for one in deployment.of("Microsoft.Authorization/roleDefinitions"):
        (allowed,) = one.properties["permissions"]
        actions, data = allowed["actions"], allowed["dataActions"]
        name = one.properties["roleName"].split(" ")[1]
        found[name] = (set(actions), set(data))
        for action in (*actions, *data):
            if FORBIDDEN.fullmatch(action):
                yield f"{one}: {action} is never given"
        if len(found[name][0]) != len(actions) or len(found[name][1]) != len(data):
            yield f"{one}: {name} names an action twice"
    for name in sorted({*found, *said}):
        if found.get(name) != said.get(name):
            yield f"role {name}: {SECURITY} and the templates differ"
