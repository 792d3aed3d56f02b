"""Delegated permission grants: what a client may do on a resource in the name of one user, or of all."""

from __future__ import annotations

from shared.catalog.containment import Containment
from shared.catalog.spec import (
    AnchorSpec,
    Create,
    MatchKey,
    ObjectType,
    Quirk,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.catalog.tier_zero import CONSENT, GIVES_CONSENT
from shared.domain.plan import AnchorKind

OAUTH2_PERMISSION_GRANTS = ObjectType(
    name="oauth2PermissionGrants",
    title="Delegated permission grants",
    path="/oauth2PermissionGrants",
    odata_type="#microsoft.graph.oAuth2PermissionGrant",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=(("Directory.Read.All",),),
    needs_to_write=(("DelegatedPermissionGrant.ReadWrite.All",),),
    dependent=True,
    page_size=999,
    grows_with="servicePrincipals",
    grows_by=5.0,
    delta=True,
    list_cost=2,
    item_cost=2,
    name_property="scope",
    match_keys=(
        MatchKey(
            ("clientId", "resourceId", "consentType", "principalId"), Strength.UNIQUE, optional=("principalId",)
        ),
    ),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "clientId",
        "/oauth2PermissionGrants?$filter=clientId eq '{value}'",
    ),
    create=Create("/oauth2PermissionGrants"),
    writable=("scope",),
    create_only=("clientId", "consentType", "principalId", "resourceId"),
    references=(
        ValueReference("clientId", ("servicePrincipals",)),
        ValueReference("resourceId", ("servicePrincipals",)),
        ValueReference("principalId", ("users",)),
    ),
    contain=Containment(added=True),
    tier_zero=CONSENT,
    gives=GIVES_CONSENT,
    quirks=(
        Quirk(
            "One grant for a client, a resource, a consent type and a user; principalId is null for all users.",
            "Microsoft Graph: oAuth2PermissionGrant resource type",
            unverified=True,
        ),
        Quirk(
            "scope is one string of names with spaces between, and a PATCH replaces it.",
            "Microsoft Graph: Update oAuth2PermissionGrant",
            unverified=True,
        ),
        Quirk(
            "Grants go with the service principals and the user they name, and come back with them.",
            "Microsoft Entra: recover from deletions, enterprise applications",
            unverified=True,
        ),
    ),
)
