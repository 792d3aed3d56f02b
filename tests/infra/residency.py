"""Residency and network: no combination of parameters leads out of the EU, and nothing is open to the world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.regions import EU_REGIONS
from tests.infra.cases import COPY, COPY_PRIVATE, MAIN, Texts
from tests.infra.evaluate import Deployment, Resource
from tests.infra.policy import part_of
from tests.infra.syntax import BicepError

# EU regions with a pair ("Azure cross-region replication pairings"); for each of them the pair is in the EU.
PAIRS: Final = {
    "francecentral": "francesouth",
    "germanywestcentral": "germanynorth",
    "northeurope": "westeurope",
    "swedencentral": "swedensouth",
    "westeurope": "northeurope",
}
# What the parameters may be. Regions: inside the EU, with zones, open to everybody, offered with Flex Consumption.
ALLOWED: Final = {
    "location": {*PAIRS, "italynorth", "spaincentral"},
    "actionRegion": {"germanywestcentral", "swedencentral"},
    "redundancy": {"zones", "zonesAndPair"},
    "network": {"private", "public"},
    "pythonVersion": {"3.12", "3.13"},
}
# Resources without a region: names and rules, no data.
EVERYWHERE: Final = frozenset(
    {
        "Microsoft.Insights/activityLogAlerts",
        "Microsoft.Network/privateDnsZones",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    }
)
Deployed = Callable[[Mapping[str, Any]], Deployment]
STORAGE: Final = "Microsoft.Storage/storageAccounts"
VAULTS: Final = "Microsoft.KeyVault/vaults"
SITES: Final = "Microsoft.Web/sites"
NEEDED: Final = {  # private endpoints: part of the deployment and kind → services
    ("vault", STORAGE): {"blob"},
    ("state", STORAGE): {"queue", "table"},
    ("backup", STORAGE): {"blob", "table"},
    ("restore", STORAGE): {"blob", "table"},
    ("keys", VAULTS): {"vault"},
    ("backup", SITES): {"sites"},
    ("restore", SITES): {"sites"},
    ("copy", STORAGE): {"blob", "table"},
    ("copy", SITES): {"sites"},
}
ZONES: Final = {
    "blob": "privatelink.blob.core.windows.net",
    "queue": "privatelink.queue.core.windows.net",
    "table": "privatelink.table.core.windows.net",
    "vault": "privatelink.vaultcore.azure.net",
    "sites": "privatelink.azurewebsites.net",
}


@dataclass(frozen=True)
class Network:
    """Its apps, each with its subnet, the ranges of these and of the private endpoints, and what the apps reach
    through it: storage in the same region, or in every region."""

    apps: tuple[str, ...]
    ranges: tuple[str, ...]
    storage: str


NETWORK: Final = Network(
    ("backup", "restore"), ("10.71.0.0/27", "10.71.0.32/27", "10.71.0.64/27"), "Microsoft.Storage"
)
COPY_NETWORK: Final = Network(("copy",), ("10.72.0.0/27", "10.72.0.32/27"), "Microsoft.Storage.Global")


def findings(texts: Texts) -> Iterator[str]:
    for deployment, given in texts.all:
        yield from located(deployment, given)
        yield from _reachable(deployment, given, NETWORK)
    for deployment, given in texts.copies:
        yield from located(deployment, given)
        yield from _reachable(deployment, given, COPY_NETWORK)
    first = {"vaultResourceId": COPY_PRIVATE["vaultResourceId"]}
    yield from _reachable(texts.copied(first), first, COPY_NETWORK)
    yield from _everywhere(texts, MAIN)
    yield from _everywhere(texts, COPY)


def _everywhere(texts: Texts, path: str) -> Iterator[str]:
    """Every value that `@allowed` lets the parameters about places take, without expanding each combination: the
    places of a deployment are parameters of the main template, so the lists are the proof, and one expansion for
    each region shows that they are obeyed."""
    for name, values in ALLOWED.items():
        if set(texts.allowed(name, path)) != values:
            yield f"{path}: {name} may be {texts.allowed(name, path)}, and not {sorted(values)}"
    for name in ("location", "actionRegion"):
        for value in sorted(set(texts.allowed(name, path)) - EU_REGIONS):
            yield f"{path}: {name} may be {value}, which is not in the EU"


def every_combination(texts: Texts) -> Iterator[str]:
    """The same by expansion of every combination there is; for the long tests."""
    places = ("location", "actionRegion", "redundancy", "network")
    for given in texts.combinations(*places):
        yield from _placed(texts.deployed, given)
    for given in texts.combinations(*places, path=COPY):
        yield from _placed(texts.copied, given)


def _placed(deployed: Deployed, given: Mapping[str, Any]) -> Iterator[str]:
    try:
        deployment = deployed(given)
    except BicepError as refused:
        paired = given["redundancy"] != "zonesAndPair" or given["location"] in PAIRS
        if paired or "there is no" not in str(refused):
            yield f"{given}: {refused}"
        return
    for problem in located(deployment, given):
        yield f"{given}: {problem}"


def located(deployment: Deployment, given: Mapping[str, Any]) -> Iterator[str]:
    region = given["location"]
    action = given.get("actionRegion", "swedencentral")
    for one in deployment.resources:
        place: Any = one.body.get("location")
        wanted: Any
        if one.type in EVERYWHERE:
            wanted = "global"
        elif one.type == "Microsoft.Insights/actionGroups":
            wanted = action
        else:
            wanted = region if place is not None else None
        if place != wanted:
            yield f"{one}: it is in {place}, and not in {wanted}"
    for one in deployment.of("Microsoft.Authorization/policyAssignments"):
        allowed = set(one.properties["parameters"]["listOfAllowedLocations"]["value"])
        if allowed != {region, action}:
            yield f"{one}: the policy allows {sorted(allowed)}"
    groups = {one.id for one in deployment.of("Microsoft.Resources/resourceGroups")}
    if {one.scope for one in deployment.of("Microsoft.Authorization/policyAssignments")} != groups:
        yield "not every resource group has the policy on locations"
    for one in deployment.of(STORAGE):
        geo = given.get("redundancy") == "zonesAndPair" and part_of(one) == "vault"
        wanted = "Standard_GZRS" if geo else "Standard_ZRS"
        if one.body["sku"]["name"] != wanted:
            yield f"{one}: its redundancy is {one.body['sku']['name']}, and not {wanted}"
        if geo and PAIRS.get(region) not in EU_REGIONS:
            yield f"{one}: the pair of {region} is not known to be in the EU"


def _reachable(deployment: Deployment, given: Mapping[str, Any], net: Network) -> Iterator[str]:
    private = given.get("network") == "private"
    first = given.get("vaultResourceId", "")  # of somebody else's account that has private endpoints only
    for one in (*deployment.of(STORAGE), *deployment.of(VAULTS), *deployment.of(SITES)):
        if one.properties["publicNetworkAccess"] != ("Disabled" if private else "Enabled"):
            yield f"{one}: public network access is {one.properties['publicNetworkAccess']}"
        yield from _firewall(one, given, net)
    (network,) = deployment.of("Microsoft.Network/virtualNetworks")
    subnets = [(one["name"], one["properties"]["addressPrefix"]) for one in network.properties["subnets"]]
    if subnets != list(zip((*net.apps, "endpoints"), net.ranges, strict=True)):
        yield f"{network}: its subnets are {subnets}"
    for subnet in network.properties["subnets"]:
        reached = [one["service"] for one in subnet["properties"].get("serviceEndpoints", ())]
        if subnet["name"] in net.apps and reached != [net.storage, "Microsoft.KeyVault"]:
            yield f"{network}: the subnet {subnet['name']} reaches {reached}"
        app = {"addressPrefix", "delegations", "serviceEndpoints"}
        wanted = {"addressPrefix", "privateEndpointNetworkPolicies"} if subnet["name"] == "endpoints" else app
        if set(subnet["properties"]) != wanted:
            yield f"{network}: the subnet {subnet['name']} has not {sorted(wanted)}"
    endpoints = deployment.of("Microsoft.Network/privateEndpoints")
    if not private and not first:
        if endpoints or deployment.of("Microsoft.Network/privateDnsZones"):
            yield "a public deployment has private endpoints"
        return
    led: dict[str, set[str]] = {}
    asked = []
    for one in endpoints:
        own = one.properties["privateLinkServiceConnections"]
        others = one.properties["manualPrivateLinkServiceConnections"]
        (link,) = (*own, *others)
        asked += [other["properties"]["privateLinkServiceId"] for other in others]
        (service,) = link["properties"]["groupIds"]
        if link.get("name") != service:
            yield f"{one}: its connection is not called {service}"
        led.setdefault(link["properties"]["privateLinkServiceId"], set()).add(service)
        yield from _named(deployment, one, service)
    if asked != [first] * bool(first):
        yield f"private endpoints are asked for at {asked}, and not at {first}"
    if led.pop(first, {"blob"}) != {"blob"}:
        yield f"the private endpoint to {first} is not for its blobs alone"
    for one in (*deployment.of(STORAGE), *deployment.of(VAULTS), *deployment.of(SITES)):
        needed = NEEDED[part_of(one), one.type] if private else set()
        if led.pop(one.id, set()) != needed:
            yield f"{one}: its private endpoints are not {sorted(needed)}"
    if led:
        yield f"private endpoints lead to {sorted(led)}"
    linked = {
        one.name.split("/")[0] for one in deployment.of("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    }
    zones = {one.name for one in deployment.of("Microsoft.Network/privateDnsZones")}
    if linked != zones or zones != set(ZONES.values()):
        yield f"DNS zones {sorted(zones)}, of which the network knows {sorted(linked)}"


def _named(deployment: Deployment, endpoint: Resource, service: str) -> Iterator[str]:
    groups = [
        one
        for one in deployment.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
        if one.id.startswith(f"{endpoint.id}/")
    ]
    zones = [
        config["properties"]["privateDnsZoneId"].rpartition("/")[2]
        for one in groups
        for config in one.properties["privateDnsZoneConfigs"]
    ]
    if zones != [ZONES[service]]:
        yield f"{endpoint}: its name is in {zones}, and not in {ZONES[service]}"


def _firewall(one: Resource, given: Mapping[str, Any], net: Network) -> Iterator[str]:
    """Which subnets and callers each store lets in: apps where they work, people not into host storage."""
    if one.type == SITES:
        rules = one.properties["siteConfig"]["scmIpSecurityRestrictions"]
        members = {"action", "ipAddress", "name", "priority"}
        ranges = [rule["ipAddress"] for rule in rules]
        subnets, wanted = None, None
    else:
        acls = one.properties["networkAcls"]
        rules = acls["ipRules"]
        members = {"action", "value"} if one.type == STORAGE else {"value"}
        ranges = [rule["value"] for rule in rules]
        subnets = {rule["id"].rpartition("/")[2] for rule in acls["virtualNetworkRules"]}
        part = part_of(one)
        wanted = {part} if part in net.apps else {"restore"} if "-p-" in one.name else set(net.apps)
        if part == "vault":
            wanted |= {id.rpartition("/")[2] for id in given.get("copierSubnetIds", ())}
    if any(set(rule) != members for rule in rules):
        yield f"{one}: a rule of its firewall has not the members {sorted(members)}"
    host = one.type == STORAGE and part_of(one) in net.apps
    if ranges != ([] if host else given.get("callerRanges", [])):
        yield f"{one}: lets in {ranges}"
    if subnets != wanted:
        yield f"{one}: lets in the subnets {subnets}, and not {wanted}"


def refused(texts: Texts) -> Iterator[str]:
    """What the template itself refuses before anything is deployed."""
    impossible: tuple[tuple[dict[str, Any], str], ...] = (
        *(
            ({"location": region, "redundancy": "zonesAndPair"}, f"there is no '{region}'")
            for region in texts.allowed("location")
            if region not in PAIRS
        ),
        ({"subnetRanges": ["10.0.0.0/27", "10.0.0.32/27"]}, "minLength"),
        ({"subnetRanges": ["10.0.0.0/27"] * 4}, "maxLength"),
        ({"chainDays": 0}, "minValue"),
        ({"tenantId": "0" * 35}, "minLength"),
        ({"alertEmails": []}, "minLength"),
        ({"location": "norwayeast"}, "allowed"),
        ({"actionRegion": "eastus"}, "allowed"),
        ({"absenceHours": 48}, "maxValue"),
        ({"logDays": 89}, "minValue"),
        ({"name": "xx"}, "minLength"),
        ({"name": "twelveletters"}, "maxLength"),
        ({"network": "open"}, "allowed"),
        ({"redundancy": "none"}, "allowed"),
        ({"pythonVersion": "3.10"}, "allowed"),
        ({"retentionClasses": []}, "minLength"),
        ({"evidenceDays": 0}, "minValue"),
        ({"absenceHours": 1}, "minValue"),
        ({"logDays": 731}, "maxValue"),
        ({"chainDays": 146_001}, "maxValue"),
        ({"evidenceDays": 146_001, "chainDays": 146_000}, "maxValue"),
        ({"tenantId": "0" * 37}, "maxLength"),
        ({"backupClientId": "0" * 35}, "minLength"),
        ({"restoreClientId": "0" * 35}, "minLength"),
        ({"backupClientId": "0" * 37}, "maxLength"),
        ({"restoreClientId": "0" * 37}, "maxLength"),
    )
    yield from _refused(texts.deployed, impossible)
    both = tuple(
        (given, why)
        for given, why in impossible
        if not {*given} & {"subnetRanges", "backupClientId", "restoreClientId"}
    )
    own: tuple[tuple[dict[str, Any], str], ...] = (
        ({"subnetRanges": ["10.0.0.0/27"]}, "minLength"),
        ({"subnetRanges": ["10.0.0.0/27"] * 3}, "maxLength"),
        ({"vaultBlobUri": ""}, "minLength"),
        ({"publicKeys": ""}, "minLength"),
    )
    yield from _refused(texts.copied, (*both, *own))


def _refused(deployed: Deployed, impossible: tuple[tuple[dict[str, Any], str], ...]) -> Iterator[str]:
    for given, why in impossible:
        try:
            deployed(given)
        except BicepError as error:
            if why not in str(error) or "(module" in str(error):
                yield f"{given} is refused for another reason: {error}"
        else:
            yield f"{given} is not refused"
    for region in PAIRS:
        try:
            deployed({"location": region, "redundancy": "zonesAndPair"})
        except BicepError as error:
            yield f"{region} has a pair, and is refused: {error}"
