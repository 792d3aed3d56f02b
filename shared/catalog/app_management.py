"""What applications may hold as credentials and identifiers: the default, and policies for some of them."""

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
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_READ = (("Policy.Read.All",),)
_WRITE = (("Policy.ReadWrite.ApplicationConfiguration",),)
_PATH = "/policies/appManagementPolicies"
_CREDENTIALS = ("keyCredentials", "passwordCredentials")
_URIS = ("nonDefaultUriAddition", "uriAdditionWithoutUniqueTenantIdentifier")
# Who is exempt is told by a custom security attribute and its value, and by an `@odata.type` which kind of value.
_EXEMPT = "excludeActors.customSecurityAttributes"


def _exemptions(credentials: str, identifiers: str) -> tuple[str, ...]:
    """Places of exemptions, `[]` stepping into lists. Members that hold the credentials' and the identifiers'
    restrictions."""
    return (
        *(f"{credentials}.{name}[].{_EXEMPT}" for name in _CREDENTIALS),
        *(f"{identifiers}.identifierUris.{name}.{_EXEMPT}" for name in _URIS if identifiers),
    )


def _typed(places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(place.replace("[]", "") for place in places)


def _references(places: tuple[str, ...]) -> tuple[ValueReference, ...]:
    return tuple(ValueReference(f"{place}[].id", ("customSecurityAttributeDefinitions",)) for place in places)


_CUSTOM = _exemptions("restrictions", "restrictions.applicationRestrictions")
_DEFAULT = (
    *_exemptions("applicationRestrictions", "applicationRestrictions"),
    *_exemptions("servicePrincipalRestrictions", ""),
)
_WHOLE = Quirk(
    "Restrictions are replaced whole by a PATCH.",
    "Microsoft Graph: Update appManagementPolicy",
    unverified=True,
)
_LAST = Quirk(
    "What is restored of applications may break a policy that is stricter than what they held, so that policies "
    "come after them.",
    "Microsoft Graph: Application authentication methods policy API overview",
)

DEFAULT_APP_MANAGEMENT_POLICY = ObjectType(
    name="defaultAppManagementPolicy",
    title="App management: default for all applications",
    path="/policies/defaultAppManagementPolicy",
    odata_type="#microsoft.graph.tenantAppManagementPolicy",
    singleton=True,
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    writable=("applicationRestrictions", "description", "displayName", "isEnabled", "servicePrincipalRestrictions"),
    whole=("applicationRestrictions", "servicePrincipalRestrictions"),
    typed=_typed(_DEFAULT),
    references=_references(_DEFAULT),
    not_created="every tenant has one, which can't be deleted",
    quirks=(_WHOLE, _LAST),
)

APP_MANAGEMENT_POLICIES = ObjectType(
    name="appManagementPolicies",
    title="App management policies",
    path=_PATH,
    odata_type="#microsoft.graph.appManagementPolicy",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    relationships=(
        Relationship(
            "appliesTo",
            ("applications", "servicePrincipals"),
            LinkWrite.FAR_REF,
            far="appManagementPolicies",
            expands=False,
            needs_to_read=_READ,
            needs_to_write=(("Application.Read.All",), *_WRITE),
        ),
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", _PATH),
    create=Create(_PATH),
    writable=("description", "displayName", "isEnabled", "restrictions"),
    whole=("restrictions",),
    typed=_typed(_CUSTOM),
    references=_references(_CUSTOM),
    quirks=(
        _WHOLE,
        _LAST,
        Quirk(
            "An application or service principal has one such policy at most, which is assigned there.",
            "Microsoft Graph: Assign appliesTo",
        ),
    ),
)
