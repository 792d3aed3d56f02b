"""Members that only Graph's beta endpoint knows: the supplement to the SDK's v1.0 models.

`kind` is "any" where the preview shape is not checked. Source per member: the beta resource page named, on
learn.microsoft.com under /graph/api/resources/<page>?view=graph-rest-beta.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PreviewMember:
    name: str
    kind: str
    source: str
    collection: bool = False
    shaped: bool = False  # an object whose members are not checked


def _members(source: str, *names: str, shaped: bool = False) -> tuple[PreviewMember, ...]:
    return tuple(PreviewMember(name, "any", source, shaped=shaped) for name in names)


PREVIEW_MEMBERS: dict[str, tuple[PreviewMember, ...]] = {
    "ConditionalAccessPolicy": _members("conditionalaccesspolicy", "partialEnablementStrategy"),
    "ConditionalAccessConditionSet": _members("conditionalaccessconditionset", "agentIdRiskLevels")
    + _members("conditionalaccessconditionset", "agents", "agentContext", "deviceStates", "times", shaped=True),
    "ConditionalAccessDevices": _members(
        "conditionalaccessdevices", "includeDevices", "excludeDevices", "includeDeviceStates", "excludeDeviceStates"
    ),
    "ConditionalAccessApplications": _members(
        "conditionalaccessapplications", "globalSecureAccess", "networkAccess"
    ),
    "ConditionalAccessClientApplications": _members(
        "conditionalaccessclientapplications",
        "includeAgentIdServicePrincipals",
        "excludeAgentIdServicePrincipals",
        "agentIdServicePrincipalFilter",
    ),
    "ConditionalAccessSessionControls": _members(
        "conditionalaccesssessioncontrols",
        "continuousAccessEvaluation",
        "blockSensitiveActions",
        "globalSecureAccessFilteringProfile",
    ),
    "User": _members("user", "deviceKeys", "invitedBy", "onPremisesSipInfo"),
    "Group": _members("group", "writebackConfiguration", "createdByAppId", "membershipRuleProcessingStatus"),
    "Application": _members(
        "application", "onPremisesPublishing", "connectorGroup", "windows", "signInAudienceRestrictions"
    ),
    "ServicePrincipal": _members(
        "serviceprincipal",
        "passwordSingleSignOnSettings",
        "samlMetadataUrl",
        "errorUrl",
        "publisherName",
        "claimsPolicy",
    ),
    "FederatedIdentityCredential": _members("federatedidentitycredential", "claimsMatchingExpression"),
    "Organization": _members(
        "organization", "directorySizeQuota", "partnerInformation", "onPremisesLastPasswordSyncDateTime", "settings"
    ),
    "AuthorizationPolicy": _members(
        "authorizationpolicy", "enabledPreviewFeatures", "permissionGrantPolicyIdsAssignedToDefaultUserRole"
    ),
    "OAuth2PermissionGrant": _members("oauth2permissiongrant", "startTime", "expiryTime"),
    "UnifiedRoleDefinition": _members("unifiedroledefinition", "isPrivileged", "allowedPrincipalTypes"),
    "AuthenticationMethodsPolicy": _members(
        "authenticationmethodspolicy",
        "systemCredentialPreferences",
        "reportSuspiciousActivitySettings",
        "microsoftAuthenticatorPlatformSettings",
        shaped=True,
    ),
    "ExternalIdentitiesPolicy": tuple(
        PreviewMember(name, "boolean", "externalidentitiespolicy")
        for name in ("allowDeletedIdentitiesDataRemoval", "allowExternalIdentitiesToLeave")
    ),
    "DirectoryAudit": _members("directoryaudit", "userAgent", "performedBy"),
}

COMPLIANT_NETWORK_LOCATION = _members("compliantnetworknamedlocation", "compliantNetworkType", "isTrusted")
