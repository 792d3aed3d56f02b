"""What each kind of resource has to look like, property by property, closed: what isn't named here isn't allowed.

A property that the templates gain needs a line here, with the value that is right; one that they lose is missed.
Values that follow from the code, the page on security or other resources are checked elsewhere (`ELSEWHERE`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.infra.evaluate import Deployment, Resource
from tests.infra.paths import leaves, ragged

ELSEWHERE: Final = re.compile(r"(?s).*")
TEXT: Final = re.compile(r"(?s).+")
RANGE: Final = re.compile(r"\d+\.\d+\.\d+\.\d+/\d+")
ID: Final = re.compile(r"/subscriptions/[^/]+/resourceGroups/.+")


@dataclass(frozen=True)
class Every:
    """Each of these values occurs, and no other."""

    values: frozenset[Any]


@dataclass(frozen=True)
class May:
    """Like `rule`, and may be absent."""

    rule: Any


def every(*values: Any) -> Every:
    return Every(frozenset(values))


Rules = Mapping[str, Any]
_STORAGE = "Microsoft.Storage/storageAccounts"
_ALERTS = "properties.criteria.allOf[]"
_SITE = "properties.siteConfig"
_FLEX = "properties.functionAppConfig"
_SUBNET = "properties.subnets[]"
_LINK = "properties.privateLinkServiceConnections"
_ASKED = "properties.manualPrivateLinkServiceConnections"
_EXPIRY = "properties.policy.rules[]"

RULES: dict[str, Rules] = {
    "Microsoft.Resources/resourceGroups": {"location": TEXT},
    "Microsoft.Authorization/policyAssignments": {
        "properties.displayName": TEXT,
        "properties.policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/"
        "e56962a6-4747-49cd-b67b-bf8b01975c4c",  # "Allowed locations"
        "properties.enforcementMode": "Default",
        "properties.parameters.listOfAllowedLocations.value[]": ELSEWHERE,
        "properties.nonComplianceMessages[].message": TEXT,
    },
    "Microsoft.Authorization/roleDefinitions": {
        "properties.roleName": re.compile(r"[a-z0-9]+ [a-z-]+ [a-z0-9]{13}"),
        "properties.description": TEXT,
        "properties.type": "CustomRole",
        "properties.assignableScopes[]": re.compile(r"/subscriptions/[^/]+"),
        "properties.permissions[].actions": May([]),
        "properties.permissions[].actions[]": May(ELSEWHERE),
        "properties.permissions[].notActions": [],
        "properties.permissions[].dataActions": May([]),
        "properties.permissions[].dataActions[]": May(ELSEWHERE),
        "properties.permissions[].notDataActions": [],
    },
    "Microsoft.Authorization/roleAssignments": {
        "properties.principalId": ELSEWHERE,
        "properties.principalType": ELSEWHERE,
        "properties.roleDefinitionId": ELSEWHERE,
    },
    "Microsoft.Authorization/locks": {"properties.level": "CanNotDelete", "properties.notes": TEXT},
    "Microsoft.ManagedIdentity/userAssignedIdentities": {"location": TEXT},
    "Microsoft.OperationalInsights/workspaces": {
        "location": TEXT,
        "properties.sku.name": "PerGB2018",
        "properties.features.disableLocalAuth": True,
        "properties.features.enableLogAccessUsingOnlyResourcePermissions": False,
        "properties.features.immediatePurgeDataOn30Days": False,
        "properties.publicNetworkAccessForIngestion": "Enabled",
        "properties.publicNetworkAccessForQuery": "Enabled",
        "properties.retentionInDays": (90, 365, 730),
    },
    "Microsoft.Insights/components": {
        "location": TEXT,
        "kind": "web",
        "properties.Application_Type": "web",
        "properties.DisableIpMasking": False,
        "properties.DisableLocalAuth": True,
        "properties.IngestionMode": "LogAnalytics",
        "properties.WorkspaceResourceId": re.compile(r".*/workspaces/[^/]+"),
        "properties.publicNetworkAccessForIngestion": "Enabled",
        "properties.publicNetworkAccessForQuery": "Enabled",
    },
    "Microsoft.Insights/actionGroups": {
        "location": ("swedencentral", "germanywestcentral"),
        "properties.emailReceivers[].emailAddress": re.compile(r"[^@]+@[^@]+"),
        "properties.emailReceivers[].name": TEXT,
        "properties.emailReceivers[].useCommonAlertSchema": True,
        "properties.enabled": True,
        "properties.groupShortName": re.compile(r".{1,12}"),
    },
    "Microsoft.Insights/scheduledQueryRules": {
        "location": TEXT,
        "kind": "LogAlert",
        "properties.displayName": TEXT,
        "properties.description": TEXT,
        "properties.severity": (0, 1),
        "properties.enabled": True,
        "properties.scopes[]": re.compile(r".*/workspaces/[^/]+"),
        "properties.evaluationFrequency": ELSEWHERE,
        "properties.windowSize": ELSEWHERE,
        "properties.overrideQueryTimeRange": ELSEWHERE,
        f"{_ALERTS}.query": ELSEWHERE,
        f"{_ALERTS}.timeAggregation": "Maximum",
        f"{_ALERTS}.metricMeasureColumn": "Found",
        f"{_ALERTS}.operator": ELSEWHERE,
        f"{_ALERTS}.threshold": ELSEWHERE,
        f"{_ALERTS}.dimensions": May([]),
        f"{_ALERTS}.dimensions[].name": May(ELSEWHERE),
        f"{_ALERTS}.dimensions[].operator": May("Include"),
        f"{_ALERTS}.dimensions[].values[]": May("*"),
        f"{_ALERTS}.failingPeriods.minFailingPeriodsToAlert": 1,
        f"{_ALERTS}.failingPeriods.numberOfEvaluationPeriods": 1,
        "properties.autoMitigate": ELSEWHERE,
        "properties.skipQueryValidation": True,
        "properties.actions.actionGroups[]": re.compile(r".*/actionGroups/[^/]+"),
    },
    "Microsoft.Insights/activityLogAlerts": {
        "location": "global",
        "properties.description": TEXT,
        "properties.enabled": True,
        "properties.scopes[]": re.compile(r"/subscriptions/[^/]+"),
        "properties.condition.allOf[].field": "category",
        "properties.condition.allOf[].equals": "Administrative",
        "properties.condition.allOf[].anyOf[].field": "operationName",
        "properties.condition.allOf[].anyOf[].equals": ELSEWHERE,
        "properties.actions.actionGroups[].actionGroupId": re.compile(r".*/actionGroups/[^/]+"),
    },
    "Microsoft.Network/virtualNetworks": {
        "location": TEXT,
        "properties.addressSpace.addressPrefixes[]": RANGE,
        f"{_SUBNET}.name": ELSEWHERE,
        f"{_SUBNET}.properties.addressPrefix": RANGE,
        f"{_SUBNET}.properties.delegations[].name": "flex",
        f"{_SUBNET}.properties.delegations[].properties.serviceName": "Microsoft.App/environments",
        f"{_SUBNET}.properties.serviceEndpoints[].service": (
            "Microsoft.Storage",
            "Microsoft.Storage.Global",
            "Microsoft.KeyVault",
        ),
        f"{_SUBNET}.properties.privateEndpointNetworkPolicies": "Enabled",
    },
    "Microsoft.Network/privateDnsZones": {"location": "global"},
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": {
        "location": "global",
        "properties.registrationEnabled": False,
        "properties.virtualNetwork.id": ID,
    },
    "Microsoft.Network/privateEndpoints": {
        "location": TEXT,
        "properties.subnet.id": re.compile(r".*/subnets/endpoints"),
        # Either of the two lists is empty, which one is judged with what the endpoint leads to.
        **{
            f"{links}{member}": May(rule)
            for links in (_LINK, _ASKED)
            for member, rule in (
                ("", []),
                ("[].name", TEXT),
                ("[].properties.groupIds[]", ELSEWHERE),
                ("[].properties.privateLinkServiceId", ELSEWHERE),
            )
        },
    },
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": {
        "properties.privateDnsZoneConfigs[].name": TEXT,
        "properties.privateDnsZoneConfigs[].properties.privateDnsZoneId": ELSEWHERE,
    },
    _STORAGE: {
        "location": TEXT,
        "kind": "StorageV2",
        "sku.name": ELSEWHERE,
        "properties.accessTier": "Hot",
        "properties.allowBlobPublicAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.allowSharedKeyAccess": False,
        "properties.allowedCopyScope": "AAD",
        "properties.defaultToOAuthAuthentication": True,
        "properties.encryption.keySource": "Microsoft.Storage",
        "properties.encryption.requireInfrastructureEncryption": True,
        **{
            f"properties.encryption.services.{one}.{member}": value
            for one in ("blob", "file", "queue", "table")
            for member, value in (("enabled", True), ("keyType", "Account"))
        },
        "properties.isHnsEnabled": False,
        "properties.isLocalUserEnabled": False,
        "properties.isNfsV3Enabled": False,
        "properties.isSftpEnabled": False,
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.networkAcls.bypass": "None",
        "properties.networkAcls.defaultAction": "Deny",
        "properties.networkAcls.ipRules": May([]),
        "properties.networkAcls.ipRules[].action": May("Allow"),
        "properties.networkAcls.ipRules[].value": May(RANGE),
        "properties.networkAcls.virtualNetworkRules[].action": "Allow",
        "properties.networkAcls.virtualNetworkRules[].id": ELSEWHERE,
        "properties.publicNetworkAccess": ELSEWHERE,
        "properties.sasPolicy.expirationAction": "Block",
        "properties.sasPolicy.sasExpirationPeriod": "00.01:00:00",
        "properties.supportsHttpsTrafficOnly": True,
    },
    f"{_STORAGE}/blobServices in vault": {
        "properties.changeFeed.enabled": False,
        "properties.containerDeleteRetentionPolicy.enabled": False,
        "properties.deleteRetentionPolicy.enabled": False,
        "properties.isVersioningEnabled": False,
    },
    f"{_STORAGE}/blobServices": {
        "properties.containerDeleteRetentionPolicy.days": 14,
        "properties.containerDeleteRetentionPolicy.enabled": True,
        "properties.deleteRetentionPolicy.days": 14,
        "properties.deleteRetentionPolicy.enabled": True,
    },
    f"{_STORAGE}/blobServices/containers": {"properties.publicAccess": "None"},
    f"{_STORAGE}/blobServices/containers/immutabilityPolicies": {
        "properties.allowProtectedAppendWrites": False,
        "properties.immutabilityPeriodSinceCreationInDays": ELSEWHERE,
    },
    f"{_STORAGE}/managementPolicies": {
        f"{_EXPIRY}.enabled": True,
        f"{_EXPIRY}.name": TEXT,
        f"{_EXPIRY}.type": "Lifecycle",
        f"{_EXPIRY}.definition.actions.baseBlob.delete.daysAfterCreationGreaterThan": ELSEWHERE,
        f"{_EXPIRY}.definition.filters.blobTypes[]": "blockBlob",
        f"{_EXPIRY}.definition.filters.prefixMatch[]": ELSEWHERE,
    },
    f"{_STORAGE}/queueServices": {"properties": {}},
    f"{_STORAGE}/queueServices/queues": {"": {}},
    f"{_STORAGE}/tableServices": {"properties": {}},
    f"{_STORAGE}/tableServices/tables": {"": {}},
    "Microsoft.KeyVault/vaults": {
        "location": TEXT,
        "properties.tenantId": TEXT,
        "properties.sku.family": "A",
        "properties.sku.name": "standard",
        "properties.enablePurgeProtection": True,
        "properties.enableRbacAuthorization": True,
        "properties.enableSoftDelete": True,
        "properties.enabledForDeployment": False,
        "properties.enabledForDiskEncryption": False,
        "properties.enabledForTemplateDeployment": False,
        "properties.networkAcls.bypass": "None",
        "properties.networkAcls.defaultAction": "Deny",
        "properties.networkAcls.ipRules": May([]),
        "properties.networkAcls.ipRules[].value": May(RANGE),
        "properties.networkAcls.virtualNetworkRules[].id": ELSEWHERE,
        "properties.publicNetworkAccess": ELSEWHERE,
        "properties.softDeleteRetentionInDays": 90,
    },
    "Microsoft.KeyVault/vaults/keys": {
        "properties.attributes.enabled": True,
        "properties.attributes.exportable": False,
        "properties.curveName": "P-256",
        "properties.keyOps[]": every("sign", "verify"),
        "properties.kty": "EC",
    },
    "Microsoft.Web/serverfarms": {
        "location": TEXT,
        "kind": "functionapp",
        "sku.name": "FC1",
        "sku.tier": "FlexConsumption",
        "properties.reserved": True,
        "properties.zoneRedundant": False,
    },
    "Microsoft.Web/sites": {
        "location": TEXT,
        "kind": "functionapp,linux",
        "tags.azd-service-name": ELSEWHERE,
        "identity.type": "UserAssigned",
        "identity.userAssignedIdentities": ELSEWHERE,
        "properties.enabled": ELSEWHERE,
        "properties.serverFarmId": re.compile(r".*/serverfarms/[^/]+"),
        "properties.httpsOnly": True,
        "properties.keyVaultReferenceIdentity": ELSEWHERE,
        "properties.publicNetworkAccess": ELSEWHERE,
        "properties.virtualNetworkSubnetId": ELSEWHERE,
        f"{_FLEX}.deployment.storage.type": "blobContainer",
        f"{_FLEX}.deployment.storage.value": ELSEWHERE,
        f"{_FLEX}.deployment.storage.authentication.type": "UserAssignedIdentity",
        f"{_FLEX}.deployment.storage.authentication.userAssignedIdentityResourceId": ELSEWHERE,
        f"{_FLEX}.runtime.name": "python",
        f"{_FLEX}.runtime.version": ("3.12", "3.13"),
        f"{_FLEX}.scaleAndConcurrency.instanceMemoryMB": 2048,
        f"{_FLEX}.scaleAndConcurrency.maximumInstanceCount": 40,
        f"{_SITE}.ftpsState": "Disabled",
        f"{_SITE}.http20Enabled": True,
        f"{_SITE}.ipSecurityRestrictionsDefaultAction": "Deny",
        f"{_SITE}.minTlsVersion": "1.2",
        f"{_SITE}.remoteDebuggingEnabled": False,
        f"{_SITE}.scmIpSecurityRestrictions": May([]),
        f"{_SITE}.scmIpSecurityRestrictions[].action": May("Allow"),
        f"{_SITE}.scmIpSecurityRestrictions[].ipAddress": May(RANGE),
        f"{_SITE}.scmIpSecurityRestrictions[].name": May(TEXT),
        f"{_SITE}.scmIpSecurityRestrictions[].priority": May((100, 101, 102)),
        f"{_SITE}.scmIpSecurityRestrictionsDefaultAction": "Deny",
        f"{_SITE}.scmIpSecurityRestrictionsUseMain": False,
        f"{_SITE}.scmMinTlsVersion": "1.2",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"properties.allow": False},
    # --- diagnostic settings, by what they are of ---
    "Microsoft.Insights/diagnosticSettings of subscription": {
        "properties.workspaceId": ID,
        "properties.logs[].category": every("Administrative", "Security", "Policy", "Alert"),
        "properties.logs[].enabled": True,
    },
    f"Microsoft.Insights/diagnosticSettings of {_STORAGE}/blobServices in vault": {
        "properties.workspaceId": ID,
        "properties.logs[].category": every("StorageRead", "StorageWrite", "StorageDelete"),
        "properties.logs[].enabled": True,
    },
    f"Microsoft.Insights/diagnosticSettings of {_STORAGE}/blobServices": {
        "properties.workspaceId": ID,
        "properties.logs[].category": every("StorageWrite", "StorageDelete"),
        "properties.logs[].enabled": True,
    },
    **{
        f"Microsoft.Insights/diagnosticSettings of {_STORAGE}/{one}": {
            "properties.workspaceId": ID,
            "properties.logs[].category": every("StorageRead", "StorageWrite", "StorageDelete"),
            "properties.logs[].enabled": True,
        }
        for one in ("queueServices", "tableServices")
    },
    "Microsoft.Insights/diagnosticSettings of Microsoft.KeyVault/vaults": {
        "properties.workspaceId": ID,
        "properties.logAnalyticsDestinationType": "Dedicated",
        "properties.logs[].category": every("AuditEvent"),
        "properties.logs[].enabled": True,
    },
    "Microsoft.Insights/diagnosticSettings of Microsoft.Web/sites": {
        "properties.workspaceId": ID,
        "properties.logs[].category": every("FunctionAppLogs"),
        "properties.logs[].enabled": True,
    },
    "Microsoft.Insights/diagnosticSettings of Microsoft.OperationalInsights/workspaces": {
        "properties.workspaceId": ID,
        "properties.logs[].category": every("Audit"),
        "properties.logs[].enabled": True,
    },
}
# Names: what the platform takes, and the one name that a singleton has.
NAMES: dict[str, re.Pattern[str]] = {
    _STORAGE: re.compile(r"[a-z0-9]{3,24}"),
    "Microsoft.KeyVault/vaults": re.compile(r"[a-z][a-z0-9-]{1,22}[a-z0-9]"),
    "Microsoft.Web/sites": re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]"),  # longer ones may share a host id
    "Microsoft.Insights/actionGroups": TEXT,
    **dict.fromkeys(
        (
            f"{_STORAGE}/blobServices",
            f"{_STORAGE}/queueServices",
            f"{_STORAGE}/tableServices",
            f"{_STORAGE}/managementPolicies",
            f"{_STORAGE}/blobServices/containers/immutabilityPolicies",
        ),
        re.compile("default"),
    ),
    "Microsoft.Web/sites/config": re.compile("appsettings"),
}
# Settings are judged with the code (`consistency`).
_SETTINGS: Final = "Microsoft.Web/sites/config"

# Kinds that have to be logged: each resource of them has one diagnostic setting.
LOGGED: Final = (
    f"{_STORAGE}/blobServices",
    f"{_STORAGE}/queueServices",
    f"{_STORAGE}/tableServices",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Web/sites",
    "Microsoft.OperationalInsights/workspaces",
)
# Kinds that have to be locked against deletion, with the part of the deployment they are in.
LOCKED: Final = ((_STORAGE, "vault"), ("Microsoft.KeyVault/vaults", "keys"), (LOGGED[-1], "watch"))


def kind_of(resource: Resource, deployment: Deployment) -> str:
    """The key of `RULES`: the type, and for some where it is or what it is of."""
    kind = resource.type
    if kind == "Microsoft.Insights/diagnosticSettings":
        target = deployment.at(resource.scope)
        kind = f"{kind} of {target.type if target else 'subscription'}"
    placed = f"{kind} in {part_of(resource)}"
    return placed if placed in RULES else kind


def part_of(resource: Resource) -> str:
    """`vault` of `…/resourceGroups/holdfast-vault/…`; "" for what belongs to the subscription."""
    found = re.search(r"/resourceGroups/[a-z0-9]+-([a-z]+)", resource.id)
    return found.group(1) if found else ""


def findings(deployment: Deployment) -> Iterator[str]:
    for resource in deployment.resources:
        if not NAMES.get(resource.type, TEXT).fullmatch(resource.leaf):
            yield f"{resource}: the name can't be {resource.leaf}"
        if resource.type == _SETTINGS:
            continue
        kind = kind_of(resource, deployment)
        if kind not in RULES:
            yield f"{resource}: no rule says what a {kind} has to look like"
            continue
        yield from _judged(resource, RULES[kind])
    yield from _logged(deployment)
    yield from _locked(deployment)


def _judged(resource: Resource, rules: Rules) -> Iterator[str]:
    found: dict[str, list[Any]] = defaultdict(list)
    for path, value in leaves(resource.body):
        if path.startswith("identity.userAssignedIdentities"):
            path, value = "identity.userAssignedIdentities", path.rpartition(".")[2]
        found[path].append(value)
    for path, values in found.items():
        if path not in rules:
            yield f"{resource}: {path} is not allowed for"
            continue
        rule = rules[path].rule if isinstance(rules[path], May) else rules[path]
        if isinstance(rule, Every):
            if set(values) != rule.values:
                yield f"{resource}: {path} is {sorted(set(values))}, and not {sorted(rule.values)}"
        elif wrong := [value for value in values if not _fits(value, rule)]:
            yield f"{resource}: {path} is {wrong[0]!r}"
    for path, rule in rules.items():
        if path not in found and not isinstance(rule, May):
            yield f"{resource}: {path} is missing"
    for path in ragged(resource.body):
        if path != "properties.condition.allOf":
            yield f"{resource}: an element of {path} lacks what another has"


def _fits(value: Any, rule: Any) -> bool:
    if isinstance(rule, re.Pattern):
        return rule is ELSEWHERE or (isinstance(value, str) and rule.fullmatch(value) is not None)
    if isinstance(rule, tuple):
        return value in rule
    return type(value) is type(rule) and bool(value == rule)


def _logged(deployment: Deployment) -> Iterator[str]:
    settings = deployment.of("Microsoft.Insights/diagnosticSettings")
    scopes = [one.scope for one in settings]
    for resource in deployment.resources:
        if resource.type in LOGGED and scopes.count(resource.id) != 1:
            yield f"{resource}: it has {scopes.count(resource.id)} diagnostic settings"
    if not any(one.scope.count("/") == 2 for one in settings):
        yield "the activity log of the subscription goes nowhere"


def _locked(deployment: Deployment) -> Iterator[str]:
    scopes = {one.scope for one in deployment.of("Microsoft.Authorization/locks")}
    for kind, part in LOCKED:
        for resource in deployment.of(kind):
            if part_of(resource) == part and resource.id not in scopes:
                yield f"{resource}: no lock keeps it from being deleted"
