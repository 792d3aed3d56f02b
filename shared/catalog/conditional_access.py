"""Conditional access policies and the named locations that they use."""

from __future__ import annotations

from shared.catalog.containment import Containment
from shared.catalog.plans import PREMIUM
from shared.catalog.spec import (
    AnchorSpec,
    Bin,
    Condition,
    Create,
    Drill,
    Enabling,
    Licence,
    MatchKey,
    ObjectType,
    Quirk,
    Strength,
    Throttle,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_READ = (("Policy.Read.All", "Policy.Read.ConditionalAccess"),)
_WRITE = (("Policy.ReadWrite.ConditionalAccess",), ("Policy.Read.All",))
_LICENCES = "Microsoft Entra: What is Conditional Access?, License requirements"
_WORDS = (
    "All",
    "None",
    "GuestsOrExternalUsers",
    "ServicePrincipalsInMyTenant",
    "AllTrusted",
    "Office365",
    "MicrosoftAdminPortals",
    "AllAgentIdResources",
    "AllAgentIdUsers",
)

CONDITIONAL_ACCESS_POLICIES = ObjectType(
    name="conditionalAccessPolicies",
    title="Conditional access policies",
    path="/identity/conditionalAccess/policies",
    odata_type="#microsoft.graph.conditionalAccessPolicy",
    second_look="conditionalAccess",
    version="beta",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    throttle=Throttle.CONDITIONAL_ACCESS,
    batchable=False,
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        "/identity/conditionalAccess/policies",
        "/identity/conditionalAccess/deletedItems/policies",
    ),
    bin=Bin(
        list="/identity/conditionalAccess/deletedItems/policies",
        item="/identity/conditionalAccess/deletedItems/policies/{id}",
        restore="/identity/conditionalAccess/deletedItems/policies/{id}/restore",
        version="beta",
        refused_when=Condition("state", ("enabled",)),
        refused_why="the bin gives a policy back in the state it had, here enabled, before anything was checked",
    ),
    create=Create("/identity/conditionalAccess/policies"),
    enabling=Enabling(
        "state",
        off="disabled",
        acting=("enabled",),
        trial="enabledForReportingButNotEnforced",
        evaluate="/identity/conditionalAccess/evaluate",
    ),
    writable=(
        "conditions",
        "displayName",
        "grantControls",
        "partialEnablementStrategy",
        "sessionControls",
        "state",
    ),
    volatile=("modifiedDateTime",),
    sets=(
        "conditions.applications.excludeApplications",
        "conditions.applications.includeApplications",
        "conditions.applications.includeUserActions",
        "conditions.applications.includeAuthenticationContextClassReferences",
        "conditions.clientAppTypes",
        "conditions.locations.excludeLocations",
        "conditions.locations.includeLocations",
        "conditions.platforms.excludePlatforms",
        "conditions.platforms.includePlatforms",
        "conditions.signInRiskLevels",
        "conditions.userRiskLevels",
        "conditions.servicePrincipalRiskLevels",
        "conditions.users.excludeGroups",
        "conditions.users.excludeRoles",
        "conditions.users.excludeUsers",
        "conditions.users.includeGroups",
        "conditions.users.includeRoles",
        "conditions.users.includeUsers",
        "grantControls.builtInControls",
        "grantControls.termsOfUse",
        "grantControls.customAuthenticationFactors",
    ),
    whole=("conditions", "grantControls", "sessionControls"),
    by_id=("grantControls.authenticationStrength",),
    typed=(
        "conditions.users.excludeGuestsOrExternalUsers.externalTenants",
        "conditions.users.includeGuestsOrExternalUsers.externalTenants",
    ),
    references=(
        ValueReference("conditions.users.includeUsers[]", ("users",), literals=_WORDS, include=True),
        ValueReference("conditions.users.excludeUsers[]", ("users",), literals=_WORDS, exclude=True),
        ValueReference("conditions.users.includeGroups[]", ("groups",), literals=_WORDS, include=True),
        ValueReference("conditions.users.excludeGroups[]", ("groups",), literals=_WORDS, exclude=True),
        ValueReference(
            "conditions.users.includeRoles[]", ("roleDefinitions",), key="templateId", literals=_WORDS, include=True
        ),
        ValueReference(
            "conditions.users.excludeRoles[]", ("roleDefinitions",), key="templateId", literals=_WORDS, exclude=True
        ),
        ValueReference(
            "conditions.applications.includeAuthenticationContextClassReferences[]",
            ("authenticationContextClassReferences",),
            include=True,
        ),
        ValueReference("grantControls.authenticationStrength.id", ("authenticationStrengthPolicies",)),
        ValueReference(
            "conditions.applications.includeApplications[]",
            ("applications", "servicePrincipals"),
            key="appId",
            literals=_WORDS,
            include=True,
        ),
        ValueReference(
            "conditions.applications.excludeApplications[]",
            ("applications", "servicePrincipals"),
            key="appId",
            literals=_WORDS,
            exclude=True,
        ),
        ValueReference(
            "conditions.clientApplications.includeServicePrincipals[]",
            ("servicePrincipals",),
            literals=_WORDS,
            include=True,
        ),
        ValueReference(
            "conditions.clientApplications.excludeServicePrincipals[]",
            ("servicePrincipals",),
            literals=_WORDS,
            exclude=True,
        ),
        ValueReference(
            "conditions.locations.includeLocations[]", ("namedLocations",), literals=_WORDS, include=True
        ),
        ValueReference(
            "conditions.locations.excludeLocations[]", ("namedLocations",), literals=_WORDS, exclude=True
        ),
    ),
    read_back_by_list=True,
    licence=Licence("Entra ID P1; P2 where a policy looks at risk", _LICENCES, PREMIUM),
    quirks=(
        Quirk(
            "Read and written by /beta: v1.0 refuses policies with preview members (400, codes 1037 and 1038), and "
            "with them the whole list.",
            "Microsoft Graph: conditionalAccessPolicy resource type (beta)",
        ),
        Quirk(
            "One request a second for the tenant, 429 without Retry-After, so it is paced here.",
            "Microsoft Graph: service-specific throttling limits, identity protection and conditional access",
        ),
        Quirk(
            "The bin brings a policy back in the state it had when deleted; an enabled one is therefore "
            "re-created disabled and the bin copy left.",
            "Microsoft Entra: recover from deletions, conditional access",
            unverified=True,
        ),
        Quirk(
            "conditions, grantControls and sessionControls are replaced whole by a PATCH.",
            "Microsoft Graph: Update conditionalAccessPolicy",
            unverified=True,
        ),
    ),
)

NAMED_LOCATIONS = ObjectType(
    name="namedLocations",
    title="Named locations",
    path="/identity/conditionalAccess/namedLocations",
    odata_type="#microsoft.graph.namedLocation",
    second_look="conditionalAccess",
    # Compliant network locations are known to /beta only.
    version="beta",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    throttle=Throttle.CONDITIONAL_ACCESS,
    batchable=False,
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        "/identity/conditionalAccess/namedLocations",
        "/identity/conditionalAccess/deletedItems/namedLocations",
    ),
    bin=Bin(
        list="/identity/conditionalAccess/deletedItems/namedLocations",
        item="/identity/conditionalAccess/deletedItems/namedLocations/{id}",
        restore="/identity/conditionalAccess/deletedItems/namedLocations/{id}/restore",
        version="beta",
        comes_back={"isTrusted": False},
    ),
    create=Create(
        "/identity/conditionalAccess/namedLocations",
        refused_when=(Condition("@odata.type", ("#microsoft.graph.compliantNetworkNamedLocation",)),),
        refused_why="the service makes compliant network locations itself",
    ),
    writable=(
        "countriesAndRegions",
        "countryLookupMethod",
        "displayName",
        "includeUnknownCountriesAndRegions",
        "ipRanges",
        "isTrusted",
    ),
    volatile=("modifiedDateTime",),
    sets=("countriesAndRegions", "ipRanges"),
    typed=("ipRanges",),
    protected=(),
    read_back_by_list=True,
    licence=Licence("Entra ID P1", _LICENCES, PREMIUM),
    type_tag_on_write=True,
    drill=Drill.CANARY,
    contain=Containment(members=("countriesAndRegions", "ipRanges", "isTrusted")),
    quirks=(
        Quirk(
            "A location comes back from the bin untrusted, whatever it was; isTrusted is then set and read back "
            "before any policy that uses it.",
            "Microsoft Entra: recover from deletions, named locations",
            unverified=True,
        ),
        Quirk("@odata.type is required in a PATCH.", "Microsoft Graph: Update ipNamedLocation"),
    ),
)
