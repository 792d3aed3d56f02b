"""Domains of the tenant, and where sign-ins of their users are sent."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.containment import Containment
from shared.catalog.spec import (
    AnchorSpec,
    Create,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    StaysBehind,
    Strength,
    TellsDomains,
    WaveNumber,
)
from shared.domain.plan import AnchorKind, Reason

DOMAINS = ObjectType(
    name="domains",
    title="Domains",
    path="/domains",
    odata_type="#microsoft.graph.domain",
    wave=WaveNumber.REST,
    needs_to_read=(("Domain.Read.All", "Directory.Read.All"),),
    needs_to_write=(("Domain.ReadWrite.All",),),
    write_by_choice="Domain.ReadWrite.All can send the sign-ins of a whole domain elsewhere",
    name_property="id",
    relationships=(
        Relationship(
            name="federationConfiguration",
            target_types=("domainFederations",),
            write=LinkWrite.NONE,
            contains="domainFederations",
            expands=False,
            needs_to_read=(("Domain.Read.All", "Domain-InternalFederation.Read.All"),),
        ),
    ),
    writable=("passwordNotificationWindowInDays", "passwordValidityPeriodInDays", "supportedServices"),
    action_only=("isDefault",),
    volatile=("state",),
    sets=("supportedServices",),
    bearing=Bearing("domains"),
    tells_domains=TellsDomains(initial="isInitial", verified="isVerified"),
    stays_behind=StaysBehind(
        Reason.DOMAIN,
        "a domain belongs to one tenant at a time: its owner removes it here and proves it there, by a DNS record",
    ),
    not_created="it is taken in by a DNS record that its owner has to make",
    quirks=(
        Quirk(
            "One domain is the default, and another becomes it by being made so: no two changes in some order.",
            "Microsoft Graph: Update domain",
        ),
        Quirk(
            "authenticationType follows from the federation.",
            "Microsoft Graph: domain resource type",
        ),
    ),
)

DOMAIN_FEDERATIONS = ObjectType(
    name="domainFederations",
    title="Federation of domains",
    path="/domains/{parent}/federationConfiguration",
    odata_type="#microsoft.graph.internalDomainFederation",
    second_look="federation",
    wave=WaveNumber.REST,
    needs_to_read=(("Domain.Read.All", "Domain-InternalFederation.Read.All"),),
    needs_to_write=(("Domain-InternalFederation.ReadWrite.All", "Domain.ReadWrite.All"),),
    write_by_choice="it sends the sign-ins of a whole domain to whoever is named there",
    parent="domains",
    parent_relationship="federationConfiguration",
    match_keys=(MatchKey(("issuerUri",), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "issuerUri", "/domains/{parent}/federationConfiguration"),
    create=Create("/domains/{parent}/federationConfiguration"),
    writable=(
        "activeSignInUri",
        "displayName",
        "federatedIdpMfaBehavior",
        "isSignedAuthenticationRequestRequired",
        "issuerUri",
        "metadataExchangeUri",
        "nextSigningCertificate",
        "passiveSignInUri",
        "passwordResetUri",
        "preferredAuthenticationProtocol",
        "promptLoginBehavior",
        "signOutUri",
        "signingCertificate",
    ),
    volatile=("signingCertificateUpdateStatus",),
    bearing=Bearing("domains", parent_becomes={"authenticationType": "Federated"}),
    contain=Containment(
        added=True,
        members=(
            "activeSignInUri",
            "federatedIdpMfaBehavior",
            "issuerUri",
            "nextSigningCertificate",
            "passiveSignInUri",
            "signingCertificate",
        ),
    ),
    quirks=(
        Quirk("A domain has one at most.", "Microsoft Graph: List internalDomainFederations"),
        Quirk(
            "Which permission reads it differs between the page's versions: Domain.Read.All, or the narrower one.",
            "Microsoft Graph: List internalDomainFederations",
            unverified=True,
        ),
    ),
)
