"""Certificate authorities whose certificates people sign in with."""

from __future__ import annotations

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

_READ = (("PublicKeyInfrastructure.Read.All",),)
_WRITE = (("PublicKeyInfrastructure.ReadWrite.All",),)
_PATH = "/directory/publicKeyInfrastructure/certificateBasedAuthConfigurations"
_AUTHORITIES = f"{_PATH}/{{parent}}/certificateAuthorities"

_OLDER_PATH = "/organization/{parent}/certificateBasedAuthConfiguration"

# What the tenant trusted before public key infrastructures came, and still does where there is none.
TRUSTED = Relationship(
    "certificateBasedAuthConfiguration",
    ("olderCertificateAuthorities",),
    LinkWrite.NONE,
    contains="olderCertificateAuthorities",
    expands=False,
    needs_to_read=(("Organization.Read.All",),),
)

OLDER_CERTIFICATE_AUTHORITIES = ObjectType(
    name="olderCertificateAuthorities",
    title="Certificate authorities as tenants without a public key infrastructure have them",
    path=_OLDER_PATH,
    odata_type="#microsoft.graph.certificateBasedAuthConfiguration",
    absent=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Organization.Read.All",),),
    needs_to_write=(("Organization.ReadWrite.All",),),
    parent="organization",
    parent_relationship=TRUSTED.name,
    name_property="id",
    anchor=AnchorSpec(AnchorKind.KEY, "id", _OLDER_PATH),
    create=Create(_OLDER_PATH),
    create_only=("certificateAuthorities",),
    sets=("certificateAuthorities",),
    computed_within=("certificateAuthorities.issuer", "certificateAuthorities.issuerSki"),
    quirks=(
        Quirk(
            "There is one at most, under an id that is the same in every tenant; it is made or removed whole, and "
            "never changed.",
            "Microsoft Graph: certificateBasedAuthConfiguration resource type; Create "
            "certificateBasedAuthConfiguration",
        ),
        Quirk(
            "Issuer and key identifier follow from each certificate.",
            "Microsoft Graph: certificateAuthority resource type",
            unverified=True,
        ),
    ),
)

PUBLIC_KEY_INFRASTRUCTURES = ObjectType(
    name="certificateBasedAuthConfigurations",
    title="Public key infrastructures for certificate-based authentication",
    path=_PATH,
    odata_type="#microsoft.graph.certificateBasedAuthPki",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    relationships=(
        Relationship(
            name="certificateAuthorities",
            target_types=("certificateAuthorities",),
            write=LinkWrite.NONE,
            contains="certificateAuthorities",
            expands=False,
            needs_to_read=_READ,
        ),
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", _PATH),
    create=Create(_PATH),
    writable=("displayName",),
    volatile=("lastModifiedDateTime", "status", "statusDetails"),
    quirks=(
        Quirk(
            "Its recycle bin isn't used: nothing names one by its id, and its certificates are in the snapshot.",
            "Microsoft Graph: certificateBasedAuthPki resource type",
        ),
    ),
)

CERTIFICATE_AUTHORITIES = ObjectType(
    name="certificateAuthorities",
    title="Certificate authorities for certificate-based authentication",
    path=_AUTHORITIES,
    odata_type="#microsoft.graph.certificateAuthorityDetail",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    parent="certificateBasedAuthConfigurations",
    parent_relationship="certificateAuthorities",
    match_keys=(MatchKey(("certificate",), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "certificate", _AUTHORITIES),
    create=Create(_AUTHORITIES),
    writable=(
        "certificateAuthorityType",
        "certificateRevocationListUrl",
        "deltaCertificateRevocationListUrl",
        "displayName",
        "isIssuerHintEnabled",
    ),
    create_only=("certificate",),
    quirks=(
        Quirk(
            "Certificates are public; issuer, thumbprint and expiry follow from them.",
            "Microsoft Graph: certificateAuthorityDetail resource type",
        ),
        Quirk(
            "A certificate is in an infrastructure once.",
            "Microsoft Graph: Create certificateAuthorityDetail",
            unverified=True,
        ),
    ),
)
