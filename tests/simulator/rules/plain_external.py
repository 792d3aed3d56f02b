"""How people from outside sign up and in: identity providers, user flows, extensions."""

from __future__ import annotations

from .form import LinkRule, TypeRule
from .plain import Named, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_READ_FLOWS = any_of("IdentityUserFlow.Read.All", "IdentityUserFlow.ReadWrite.All")
_WRITE_FLOWS = any_of("IdentityUserFlow.ReadWrite.All")

_STORED = "extension_0f1e2d3c4b5a69788796a5b4c3d2e1f0_"  # after the application that holds the values

# A provider is made with its secret, which nothing shows: none is made here.
PROVIDERS = Plain(
    rule=TypeRule(
        table="identityProviders",
        path="/identity/identityProviders",
        odata_type="#microsoft.graph.identityProviderBase",
        model="identity_provider_base.IdentityProviderBase",
        source=_GUIDE + "identityproviderbase-update",
        read_only=frozenset(("id",)),
        write_once=frozenset(("identityProviderType",)),
        secret=frozenset(("clientSecret", "certificateData", "clientAuthentication")),
        audit_name="identity provider",
        audit_category="DirectoryManagement",
    ),
    read=any_of("IdentityProvider.Read.All", "IdentityProvider.ReadWrite.All"),
    change=any_of("IdentityProvider.ReadWrite.All"),
    fixed="MSASignup-",
    kinds={
        "#microsoft.graph.socialIdentityProvider": "social_identity_provider.SocialIdentityProvider",
        "#microsoft.graph.builtInIdentityProvider": "built_in_identity_provider.BuiltInIdentityProvider",
        "#microsoft.graph.appleManagedIdentityProvider": (
            "apple_managed_identity_provider.AppleManagedIdentityProvider"
        ),
        "#microsoft.graph.oidcIdentityProvider": "oidc_identity_provider.OidcIdentityProvider",
    },
    starts=(
        {
            "@odata.type": "#microsoft.graph.socialIdentityProvider",
            "id": "Google-OAUTH",
            "displayName": "Google",
            "identityProviderType": "Google",
            "clientId": "contoso.apps.googleusercontent.example",
            "clientSecret": "hidden",
        },
        {
            "@odata.type": "#microsoft.graph.builtInIdentityProvider",
            "id": "MSASignup-OAUTH",
            "displayName": "Microsoft Account",
            "identityProviderType": "MicrosoftAccount",
        },
        {
            "@odata.type": "#microsoft.graph.appleManagedIdentityProvider",
            "id": "Apple-Managed-OIDC",
            "displayName": "Sign in with Apple",
            "developerId": "UBF8T346G9",
            "serviceId": "com.contoso-sim.app",
            "keyId": "99P6D879C4",
            "certificateData": "hidden",
        },
        {
            "@odata.type": "#microsoft.graph.oidcIdentityProvider",
            "id": "OIDC-Contoso-partners",
            "displayName": "Partners",
            "clientId": "holdfast-sim",
            "issuer": "https://login.partner-sim.example",
            "wellKnownEndpoint": "https://login.partner-sim.example/.well-known/openid-configuration",
            "responseType": "code",
            "scope": "openid profile",
            "inboundClaimMapping": {"sub": "sub", "name": "name", "email": "mail", "given_name": "given_name"},
            "clientAuthentication": {
                "@odata.type": "#microsoft.graph.oidcClientSecretAuthentication",
                "clientSecret": "hidden",
            },
        },
    ),
)

_FEDERATION = "samlOrWsFedExternalDomainFederation"
FEDERATIONS = Plain(
    rule=TypeRule(
        table="externalDomainFederations",
        path=f"/directory/federationConfigurations/graph.{_FEDERATION}",
        odata_type=f"#microsoft.graph.{_FEDERATION}",
        model="saml_or_ws_fed_external_domain_federation.SamlOrWsFedExternalDomainFederation",
        source=_GUIDE + "samlorwsfedexternaldomainfederation-update",
        required=("issuerUri", "passiveSignInUri", "preferredAuthenticationProtocol", "signingCertificate"),
        read_only=frozenset(("id",)),
        write_once=frozenset(("domains",)),
        audit_name="identity provider",
        audit_category="DirectoryManagement",
    ),
    # Federations take the first of these, their domains the second.
    read=any_of(
        *(
            f"Domain.{domain}.All+IdentityProvider.{provider}.All"
            for domain in ("Read", "ReadWrite")
            for provider in ("Read", "ReadWrite")
        )
    ),
    change=any_of("IdentityProvider.ReadWrite.All"),
    create=any_of("IdentityProvider.ReadWrite.All"),
    made_at="/directory/federationConfigurations",
    listed_only=True,
    kinds={
        f"#microsoft.graph.{_FEDERATION}": (
            "saml_or_ws_fed_external_domain_federation.SamlOrWsFedExternalDomainFederation"
        ),
    },
    inline=("domains",),
    asked={"domains": ""},
    called=("domains",),
    starts=(
        {
            "@odata.type": f"#microsoft.graph.{_FEDERATION}",
            "displayName": "Fabrikam",
            "issuerUri": "https://sts.fabrikam-sim.example/",
            "metadataExchangeUri": "https://sts.fabrikam-sim.example/metadata",
            "passiveSignInUri": "https://sts.fabrikam-sim.example/signin",
            "preferredAuthenticationProtocol": "saml",
            "signingCertificate": "MIIC8DCCAdigAwIBAgIQZg==",
            "domains": [{"id": "fabrikam-sim.example"}, {"id": "fabrikam-sim2.example"}],
        },
    ),
)

ATTRIBUTES = Plain(
    rule=TypeRule(
        table="userFlowAttributes",
        path="/identity/userFlowAttributes",
        odata_type="#microsoft.graph.identityUserFlowAttribute",
        model="identity_user_flow_attribute.IdentityUserFlowAttribute",
        source=_GUIDE + "identityuserflowattribute-post",
        required=("displayName", "dataType"),
        read_only=frozenset(("id", "userFlowAttributeType")),
        write_once=frozenset(("displayName", "dataType")),
        unique=("displayName",),
        audit_name="user flow attribute",
        audit_category="DirectoryManagement",
    ),
    read=_READ_FLOWS,
    change=_WRITE_FLOWS,
    create=_WRITE_FLOWS,
    prefix=_STORED,
    joined=("displayName",),
    defaults={"userFlowAttributeType": "custom"},
    starts=(
        {
            "id": "city",
            "displayName": "City",
            "description": "The city in which the user is located.",
            "dataType": "string",
            "userFlowAttributeType": "builtIn",
        },
        {"id": f"{_STORED}Shoe", "displayName": "Shoe", "description": "Of runners", "dataType": "int64"},
        {
            "id": f"{_STORED}Member",
            "displayName": "Member",
            "description": "Of the club – since when",
            "dataType": "string",
        },
    ),
)

CONNECTORS = Plain(
    rule=TypeRule(
        table="apiConnectors",
        path="/identity/apiConnectors",
        odata_type="#microsoft.graph.identityApiConnector",
        model="identity_api_connector.IdentityApiConnector",
        source=_GUIDE + "identityapiconnector-update",
        read_only=frozenset(("id",)),
        secret=frozenset(("authenticationConfiguration",)),
        audit_name="API connector",
        audit_category="DirectoryManagement",
    ),
    read=any_of("APIConnectors.ReadWrite.All"),
    starts=({"displayName": "Check the club", "targetUrl": "https://api.contoso-sim.example/club"},),
)

FLOWS = Plain(
    rule=TypeRule(
        table="b2xUserFlows",
        path="/identity/b2xUserFlows",
        odata_type="#microsoft.graph.b2xIdentityUserFlow",
        model="b2x_identity_user_flow.B2xIdentityUserFlow",
        source=_GUIDE + "identitycontainer-post-b2xuserflows",
        required=("id", "userFlowType", "userFlowTypeVersion"),
        read_only=frozenset(("apiConnectorConfiguration",)),
        write_once=frozenset(("userFlowType", "userFlowTypeVersion")),
        links=(LinkRule("userFlowIdentityProviders", ("identityProviders",)),),
        audit_name="user flow",
        audit_category="DirectoryManagement",
    ),
    read=_READ_FLOWS,
    change=_WRITE_FLOWS,
    create=_WRITE_FLOWS,
    prefix="B2X_1_",
    starts=(
        {
            "id": "B2X_1_partners",
            "userFlowType": "signUpOrSignIn",
            "userFlowTypeVersion": 1,
        },
        {
            "id": "B2X_1_club",
            "userFlowType": "signUpOrSignIn",
            "userFlowTypeVersion": 1,
            "_links": {"userFlowIdentityProviders": ["Google-OAUTH", "MSASignup-OAUTH"]},
        },
    ),
)

ASSIGNMENTS = Plain(
    rule=TypeRule(
        table="userFlowAttributeAssignments",
        path="/identity/b2xUserFlows/{id}/userAttributeAssignments",
        odata_type="#microsoft.graph.identityUserFlowAttributeAssignment",
        model="identity_user_flow_attribute_assignment.IdentityUserFlowAttributeAssignment",
        source=_GUIDE + "b2xidentityuserflow-post-userattributeassignments",
        required=("userInputType", "isOptional", "requiresVerification"),
        read_only=frozenset(("id",)),
        write_once=frozenset(("userAttribute",)),
        audit_name="user flow",
        audit_category="DirectoryManagement",
    ),
    read=_READ_FLOWS,
    change=_WRITE_FLOWS,
    create=_WRITE_FLOWS,
    parent="b2xUserFlows",
    inline=("userAttribute",),
    asked={"userAttribute": ""},
    names=(Named("userAttribute.id", ("userFlowAttributes",)),),
    starts=(
        {
            "_parent": "B2X_1_club",
            "displayName": "Your shoe size",
            "isOptional": True,
            "requiresVerification": False,
            "userInputType": "dropdownSingleSelect",
            "userAttributeValues": [
                {"name": "Small", "value": "39", "isDefault": True},
                {"name": "Large", "value": "46", "isDefault": False},
            ],
            "userAttribute": {"id": f"{_STORED}Shoe"},
        },
        {
            "_parent": "B2X_1_club",
            "displayName": "City",
            "isOptional": False,
            "requiresVerification": False,
            "userInputType": "textBox",
            "userAttributeValues": [],
            "userAttribute": {"id": "city"},
        },
    ),
)

LANGUAGES = Plain(
    rule=TypeRule(
        table="userFlowLanguages",
        path="/identity/b2xUserFlows/{id}/languages",
        odata_type="#microsoft.graph.userFlowLanguageConfiguration",
        model="user_flow_language_configuration.UserFlowLanguageConfiguration",
        source=_GUIDE + "resources/b2xidentityuserflow",
        audit_name="user flow",
        audit_category="DirectoryManagement",
    ),
    read=_READ_FLOWS,
    parent="b2xUserFlows",
    starts=({"_parent": "B2X_1_partners", "displayName": "Dutch", "isEnabled": True},),
)

_EXTENSION = {
    "authenticationConfiguration": {
        "@odata.type": "#microsoft.graph.azureAdTokenAuthentication",
        "resourceId": "api://api.contoso-sim.example/@applications/2.appId",
    },
    "endpointConfiguration": {
        "@odata.type": "#microsoft.graph.httpRequestEndpoint",
        "targetUrl": "https://api.contoso-sim.example/claims",
    },
    "clientConfiguration": {"timeoutInMilliseconds": 2000, "maximumRetries": 1},
    "description": "Adds what our directory doesn't know",
}
EXTENSIONS = Plain(
    rule=TypeRule(
        table="customAuthenticationExtensions",
        path="/identity/customAuthenticationExtensions",
        odata_type="#microsoft.graph.customAuthenticationExtension",
        model="custom_authentication_extension.CustomAuthenticationExtension",
        source=_GUIDE + "identitycontainer-post-customauthenticationextensions",
        required=("displayName", "authenticationConfiguration", "endpointConfiguration"),
        read_only=frozenset(("id",)),
        merges_nested=False,
        audit_name="custom authentication extension",
        audit_category="DirectoryManagement",
    ),
    read=any_of("CustomAuthenticationExtension.Read.All", "CustomAuthenticationExtension.ReadWrite.All"),
    change=any_of("CustomAuthenticationExtension.ReadWrite.All"),
    create=any_of("CustomAuthenticationExtension.ReadWrite.All"),
    kinds={
        f"#microsoft.graph.{name[0].lower()}{name[1:]}": f"{module}.{name}"
        for module, name in (
            ("on_token_issuance_start_custom_extension", "OnTokenIssuanceStartCustomExtension"),
            ("on_attribute_collection_start_custom_extension", "OnAttributeCollectionStartCustomExtension"),
        )
    },
    starts=(
        {
            "@odata.type": "#microsoft.graph.onTokenIssuanceStartCustomExtension",
            "id": "c1a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8",
            "displayName": "Claims from the club",
            "claimsForTokenConfiguration": [{"claimIdInApiResponse": "memberSince"}],
            **_EXTENSION,
        },
        {
            "@odata.type": "#microsoft.graph.onAttributeCollectionStartCustomExtension",
            "displayName": "Known addresses",
            **_EXTENSION,
        },
    ),
)

EXTERNAL: tuple[Plain, ...] = (
    PROVIDERS,
    FEDERATIONS,
    ATTRIBUTES,
    CONNECTORS,
    FLOWS,
    ASSIGNMENTS,
    LANGUAGES,
    EXTENSIONS,
)
