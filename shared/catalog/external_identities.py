"""How people from outside sign up and in: identity providers, user flows, and what is called on the way."""

from __future__ import annotations

from shared.catalog.containment import Containment
from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Create,
    Drill,
    LinkWrite,
    MatchKey,
    ObjectType,
    Protected,
    Quirk,
    Relationship,
    Strength,
    Tier,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind, Reason

_GRAPH = "#microsoft.graph."
# Events at which an extension can be called, and which have listeners of the same name.
EXTENDED_EVENTS = (
    "onAttributeCollectionStart",
    "onAttributeCollectionSubmit",
    "onPasswordSubmit",
    "onTokenIssuanceStart",
    "onVerifiedIdClaimValidation",
)
_FLOWS = "/identity/b2xUserFlows"
_READ_FLOWS = (("IdentityUserFlow.Read.All",),)
_WRITE_FLOWS = (("IdentityUserFlow.ReadWrite.All",),)
_READ_PROVIDERS = (("IdentityProvider.Read.All",),)
_UNREADABLE = "its secret can't be read, and a new one is made with it"

IDENTITY_PROVIDERS = ObjectType(
    name="identityProviders",
    title="Identity providers",
    path="/identity/identityProviders",
    odata_type=f"{_GRAPH}identityProviderBase",
    second_look="federation",
    subtypes=tuple(
        f"{_GRAPH}{kind}"
        for kind in (
            "socialIdentityProvider",
            "builtInIdentityProvider",
            "appleManagedIdentityProvider",
            "oidcIdentityProvider",
        )
    ),
    wave=WaveNumber.REST,
    needs_to_read=_READ_PROVIDERS,
    needs_to_write=(("IdentityProvider.ReadWrite.All",),),
    writable=(
        "clientId",
        "developerId",
        "displayName",
        "inboundClaimMapping",
        "issuer",
        "keyId",
        "responseType",
        "scope",
        "serviceId",
        "wellKnownEndpoint",
    ),
    create_only=("identityProviderType",),
    whole=("inboundClaimMapping",),
    secret=("certificateData", "clientAuthentication", "clientSecret"),
    type_tag_on_write=True,
    protected=(Protected(Condition("@odata.type", (f"{_GRAPH}builtInIdentityProvider",)), Reason.FOREIGN),),
    not_created=_UNREADABLE,
    contain=Containment(added=True),
    quirks=(
        Quirk(
            "The secret is never shown: a provider that is gone is set up again by hand, with a secret from there.",
            "Microsoft Graph: socialIdentityProvider and appleManagedIdentityProvider resource types",
        ),
        Quirk(
            "Providers that speak OpenID Connect are those of external tenants; a change without their "
            "clientAuthentication is taken to leave it as it is.",
            "Microsoft Graph: Update identityProvider; oidcIdentityProvider resource type",
            unverified=True,
        ),
    ),
)

_FEDERATIONS = "/directory/federationConfigurations"
_FEDERATION = "samlOrWsFedExternalDomainFederation"

EXTERNAL_FEDERATIONS = ObjectType(
    name="externalDomainFederations",
    title="Federation with other organizations (SAML, WS-Fed)",
    path=f"{_FEDERATIONS}/graph.{_FEDERATION}",
    odata_type=f"{_GRAPH}{_FEDERATION}",
    second_look="federation",
    wave=WaveNumber.REST,
    needs_to_read=(("Domain.Read.All",), *_READ_PROVIDERS),
    # Before and after a write it is read, which the permission to write doesn't allow.
    needs_to_write=(("Domain.Read.All",), ("IdentityProvider.ReadWrite.All",)),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", f"{_FEDERATIONS}/graph.{_FEDERATION}?$expand=domains"),
    create=Create(_FEDERATIONS),
    writable=(
        "displayName",
        "issuerUri",
        "metadataExchangeUri",
        "passiveSignInUri",
        "preferredAuthenticationProtocol",
        "signingCertificate",
    ),
    create_only=("domains",),
    inline=("domains",),
    by_id=("domains",),
    sets=("domains",),
    read_back_by_list=True,
    type_tag_on_write=True,
    contain=Containment(added=True),
    quirks=(
        Quirk(
            "One is found by its domain or in the list of all, and not by its id.",
            "Microsoft Graph: Get samlOrWsFedExternalDomainFederation",
        ),
        Quirk(
            "The domains are shown where they are asked for, and named when it is made; adding one later takes a "
            "request of its own, which no restore does yet.",
            "Microsoft Graph: Create externalDomainName",
            unverified=True,
        ),
    ),
)

USER_FLOW_ATTRIBUTES = ObjectType(
    name="userFlowAttributes",
    title="Attributes that user flows ask for",
    path="/identity/userFlowAttributes",
    odata_type=f"{_GRAPH}identityUserFlowAttribute",
    subtypes=(f"{_GRAPH}identityBuiltInUserFlowAttribute", f"{_GRAPH}identityCustomUserFlowAttribute"),
    wave=WaveNumber.REST,
    needs_to_read=_READ_FLOWS,
    needs_to_write=_WRITE_FLOWS,
    match_keys=(MatchKey(("displayName",), Strength.UNIQUE, across=True),),
    anchor=AnchorSpec(AnchorKind.KEY, "displayName", "/identity/userFlowAttributes"),
    create=Create(
        "/identity/userFlowAttributes",
        refused_when=(Condition("userFlowAttributeType", ("builtIn",)),),
        refused_why="it is built in, and Microsoft's to bring back",
    ),
    writable=("description",),
    create_only=("dataType", "displayName"),
    protected=(Protected(Condition("userFlowAttributeType", ("builtIn",)), Reason.FOREIGN),),
    quirks=(
        Quirk(
            "The id of a custom attribute is made of its name and of the application that holds its values.",
            "Microsoft Graph: identityUserFlowAttribute resource type",
        ),
    ),
)

API_CONNECTORS = ObjectType(
    name="apiConnectors",
    title="API connectors",
    path="/identity/apiConnectors",
    odata_type=f"{_GRAPH}identityApiConnector",
    wave=WaveNumber.REST,
    needs_to_read=(("APIConnectors.ReadWrite.All",),),
    needs_to_write=(),
    only_read="its secret can't be read, so that one is set up by hand, by the name and address that are kept",
    tier=Tier.OPT_IN,
    off_because="the only permission that reads them writes them, too",
    drill=Drill.NONE,
    no_drill="it is never restored",
    quirks=(
        Quirk(
            "How a connector signs in is a password or a certificate with its key, of which no secret is shown.",
            "Microsoft Graph: identityApiConnector resource type",
        ),
    ),
)

USER_FLOWS = ObjectType(
    name="b2xUserFlows",
    title="User flows for self-service sign-up",
    path=_FLOWS,
    odata_type=f"{_GRAPH}b2xIdentityUserFlow",
    wave=WaveNumber.REST,
    needs_to_read=_READ_FLOWS,
    needs_to_write=_WRITE_FLOWS,
    name_property="id",
    number=2,
    reference_root="/v1.0/identity/identityProviders",
    relationships=(
        Relationship(
            "userFlowIdentityProviders",
            ("identityProviders",),
            LinkWrite.REF,
            expands=False,
            needs_to_read=_READ_FLOWS,
            needs_to_write=_WRITE_FLOWS,
        ),
        Relationship(
            "userAttributeAssignments",
            ("userFlowAttributeAssignments",),
            LinkWrite.NONE,
            contains="userFlowAttributeAssignments",
            expands=False,
            needs_to_read=_READ_FLOWS,
        ),
        Relationship(
            "languages",
            ("userFlowLanguages",),
            LinkWrite.NONE,
            contains="userFlowLanguages",
            expands=False,
            needs_to_read=_READ_FLOWS,
        ),
    ),
    anchor=AnchorSpec(AnchorKind.KEY, "id", _FLOWS),
    create=Create(_FLOWS),
    create_only=("id", "userFlowType", "userFlowTypeVersion"),
    prefixed={"id": "B2X_1_"},
    quirks=(
        Quirk(
            "The service puts B2X_1_ before the id that it is given.",
            "Microsoft Graph: Create b2xIdentityUserFlow",
            unverified=True,
        ),
        Quirk(
            "Where self-service sign-up is off, there are none.",
            "Microsoft Graph: b2xIdentityUserFlow resource type",
        ),
    ),
)

USER_FLOW_ATTRIBUTE_ASSIGNMENTS = ObjectType(
    name="userFlowAttributeAssignments",
    title="Attributes by the user flow that asks for them",
    path=f"{_FLOWS}/{{parent}}/userAttributeAssignments",
    odata_type=f"{_GRAPH}identityUserFlowAttributeAssignment",
    wave=WaveNumber.REST,
    needs_to_read=_READ_FLOWS,
    needs_to_write=_WRITE_FLOWS,
    parent="b2xUserFlows",
    parent_relationship="userAttributeAssignments",
    match_keys=(MatchKey(("userAttribute",), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY, "userAttribute", f"{_FLOWS}/{{parent}}/userAttributeAssignments?$expand=userAttribute"
    ),
    create=Create(f"{_FLOWS}/{{parent}}/userAttributeAssignments"),
    writable=("displayName", "isOptional", "requiresVerification", "userAttributeValues", "userInputType"),
    create_only=("userAttribute",),
    inline=("userAttribute",),
    by_id=("userAttribute",),
    references=(ValueReference("userAttribute.id", ("userFlowAttributes",)),),
    quirks=(
        Quirk(
            "Which attribute it is about is shown only where that is asked for.",
            "Microsoft Graph: List userAttributeAssignments",
        ),
    ),
)

USER_FLOW_LANGUAGES = ObjectType(
    name="userFlowLanguages",
    title="Languages of user flows",
    path=f"{_FLOWS}/{{parent}}/languages",
    odata_type=f"{_GRAPH}userFlowLanguageConfiguration",
    wave=WaveNumber.REST,
    needs_to_read=_READ_FLOWS,
    needs_to_write=(),
    parent="b2xUserFlows",
    parent_relationship="languages",
    only_read="every flow has the languages of the service, and none can be added",
    drill=Drill.NONE,
    no_drill="it is never restored",
    quirks=(
        Quirk(
            "Texts of a language that somebody replaced are files of their own, which aren't read yet.",
            "Microsoft Graph: userFlowLanguagePage resource type",
        ),
    ),
)

CUSTOM_AUTHENTICATION_EXTENSIONS = ObjectType(
    name="customAuthenticationExtensions",
    title="Custom authentication extensions",
    path="/identity/customAuthenticationExtensions",
    odata_type=f"{_GRAPH}customAuthenticationExtension",
    subtypes=tuple(f"{_GRAPH}{event}CustomExtension" for event in (*EXTENDED_EVENTS, "onOtpSend")),
    wave=WaveNumber.REST,
    needs_to_read=(("CustomAuthenticationExtension.Read.All",),),
    needs_to_write=(("CustomAuthenticationExtension.ReadWrite.All",),),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", "/identity/customAuthenticationExtensions"),
    create=Create("/identity/customAuthenticationExtensions"),
    writable=(
        "authenticationConfiguration",
        "behaviorOnError",
        "claimsForTokenConfiguration",
        "clientConfiguration",
        "description",
        "displayName",
        "endpointConfiguration",
    ),
    whole=("authenticationConfiguration", "behaviorOnError", "clientConfiguration", "endpointConfiguration"),
    typed=("authenticationConfiguration", "endpointConfiguration"),
    kinds=("behaviorOnError",),
    type_tag_on_write=True,
    # An address such as api://api.example/{appId}.
    references=(
        ValueReference("authenticationConfiguration.resourceId", ("applications",), key="appId", text=True),
    ),
    contain=Containment(added=True),
    quirks=(
        Quirk(
            "The API that an extension calls is a web service of the tenant's own, which is not part of a backup.",
            "Microsoft Graph: customAuthenticationExtension resource type",
        ),
    ),
)

EXTERNAL_IDENTITIES = (
    IDENTITY_PROVIDERS,
    EXTERNAL_FEDERATIONS,
    USER_FLOW_ATTRIBUTES,
    API_CONNECTORS,
    USER_FLOWS,
    USER_FLOW_ATTRIBUTE_ASSIGNMENTS,
    USER_FLOW_LANGUAGES,
    CUSTOM_AUTHENTICATION_EXTENSIONS,
)
