"""Policies for applications and service principals: claims, tokens, home realms, sign-in timeouts."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.extensions import in_text
from shared.catalog.spec import (
    AnchorSpec,
    Create,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    Strength,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_APPLICATIONS, _PRINCIPALS = "applications", "servicePrincipals"
_CONFIGURATION = (("Policy.ReadWrite.ApplicationConfiguration",),)
_READ = (("Policy.Read.All",),)
_ASSIGNED = Quirk(
    "What a policy is assigned to is read from the policy, and written on the application or service principal.",
    "Microsoft Graph: Assign claimsMappingPolicy",
)


def _policies(
    name: str,
    singular: str,
    title: str,
    *,
    to: tuple[str, ...],
    writable: tuple[str, ...] = ("definition", "description", "displayName", "isOrganizationDefault"),
    about: Quirk,
    bearing: Bearing | None = None,
) -> ObjectType:
    path = f"/policies/{name}"
    assigned = Relationship(
        "appliesTo",
        to,
        LinkWrite.FAR_REF,
        far=name,
        needs_to_write=(("Application.ReadWrite.All",),),
    )
    return ObjectType(
        name=name,
        title=title,
        path=path,
        odata_type=f"#microsoft.graph.{singular}",
        wave=WaveNumber.POLICIES,
        needs_to_read=_READ,
        needs_to_write=_CONFIGURATION,
        match_keys=(MatchKey(("displayName",), Strength.WEAK),),
        anchor=AnchorSpec(AnchorKind.MARKER, "displayName", path),
        create=Create(path),
        writable=writable,
        relationships=(assigned,) if to else (),
        references=(in_text("definition[]"),) if "definition" in writable else (),
        bearing=bearing,
        quirks=(about, *((_ASSIGNED,) if to else ())),
    )


_TEXT = Quirk(
    "The definition is a list of one text, which holds JSON; it is kept and compared as text.",
    "Microsoft Graph: stsPolicy resource type",
)

CLAIMS_MAPPING_POLICIES = _policies(
    "claimsMappingPolicies", "claimsMappingPolicy", "Claims mapping policies", to=(_PRINCIPALS,), about=_TEXT
)
HOME_REALM_DISCOVERY_POLICIES = _policies(
    "homeRealmDiscoveryPolicies",
    "homeRealmDiscoveryPolicy",
    "Home realm discovery policies",
    to=(_PRINCIPALS,),
    about=_TEXT,
    bearing=Bearing("home_realm_discovery_policies", links=("appliesTo",), at_once=True),
)
TOKEN_ISSUANCE_POLICIES = _policies(
    "tokenIssuancePolicies",
    "tokenIssuancePolicy",
    "Token issuance policies",
    to=(_APPLICATIONS, _PRINCIPALS),
    about=_TEXT,
)
TOKEN_LIFETIME_POLICIES = _policies(
    "tokenLifetimePolicies",
    "tokenLifetimePolicy",
    "Token lifetime policies",
    to=(_APPLICATIONS, _PRINCIPALS),
    about=_TEXT,
)
ACTIVITY_BASED_TIMEOUT_POLICIES = _policies(
    "activityBasedTimeoutPolicies",
    "activityBasedTimeoutPolicy",
    "Sign-in timeout policies",
    to=(),
    about=_TEXT,
)

STS_POLICIES = (
    CLAIMS_MAPPING_POLICIES,
    HOME_REALM_DISCOVERY_POLICIES,
    TOKEN_ISSUANCE_POLICIES,
    TOKEN_LIFETIME_POLICIES,
    ACTIVITY_BASED_TIMEOUT_POLICIES,
)
