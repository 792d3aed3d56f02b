"""How people prove who they are: strengths, contexts, and the authentication methods policy."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.plans import PREMIUM
from shared.catalog.spec import (
    Action,
    AnchorSpec,
    Condition,
    Create,
    Drill,
    Licence,
    LinkWrite,
    MatchKey,
    ObjectType,
    Protected,
    Quirk,
    Relationship,
    Strength,
    Throttle,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind, Reason

_READ_METHODS = (("Policy.Read.AuthenticationMethod", "Policy.Read.All"),)
_WRITE_STRENGTHS = (("Policy.ReadWrite.ConditionalAccess", "Policy.ReadWrite.AuthenticationMethod"),)
_WRITE_METHODS = (("Policy.ReadWrite.AuthenticationMethod",),)
_LICENCE = Licence("Entra ID P1", "Microsoft Entra: What is Conditional Access?, License requirements", PREMIUM)

AUTHENTICATION_STRENGTH_POLICIES = ObjectType(
    name="authenticationStrengthPolicies",
    title="Authentication strengths",
    path="/policies/authenticationStrengthPolicies",
    odata_type="#microsoft.graph.authenticationStrengthPolicy",
    second_look="conditionalAccess",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ_METHODS,
    needs_to_write=_WRITE_STRENGTHS,
    relationships=(
        Relationship(
            name="combinationConfigurations",
            target_types=("combinationConfigurations",),
            write=LinkWrite.NONE,
            contains="combinationConfigurations",
            needs_to_read=_READ_METHODS,
        ),
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", "/policies/authenticationStrengthPolicies"),
    create=Create("/policies/authenticationStrengthPolicies"),
    writable=("allowedCombinations", "description", "displayName"),
    actions=(Action("allowedCombinations", "/updateAllowedCombinations", refined_by="combinationConfigurations"),),
    # The configurations are shown inline, and compared where they are objects of their own.
    volatile=("combinationConfigurations", "modifiedDateTime"),
    sets=("allowedCombinations",),
    protected=(Protected(Condition("policyType", ("builtIn",)), Reason.FOREIGN),),
    licence=_LICENCE,
    drill=Drill.CANARY,
    bearing=Bearing("authentication_strength_policies"),
    quirks=(
        Quirk(
            "A PATCH doesn't take allowedCombinations: they have an action of their own.",
            "Microsoft Graph: authenticationStrengthPolicy: updateAllowedCombinations",
        ),
        Quirk(
            "A combination can't be left out while a combination configuration applies to it, so what comes is "
            "allowed first, then configurations are changed, then what goes is left out.",
            "Microsoft Graph: authenticationCombinationConfiguration resource type",
            unverified=True,
        ),
        Quirk("Built-in strengths can't be changed.", "Microsoft Entra: authentication strengths"),
    ),
)

COMBINATION_CONFIGURATIONS = ObjectType(
    name="combinationConfigurations",
    title="Combination configurations of authentication strengths",
    path="/policies/authenticationStrengthPolicies/{parent}/combinationConfigurations",
    odata_type="#microsoft.graph.authenticationCombinationConfiguration",
    second_look="conditionalAccess",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ_METHODS,
    needs_to_write=_WRITE_STRENGTHS,
    parent="authenticationStrengthPolicies",
    parent_relationship="combinationConfigurations",
    name_property="id",
    match_keys=(MatchKey(("appliesToCombinations",), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "appliesToCombinations",
        "/policies/authenticationStrengthPolicies/{parent}/combinationConfigurations",
    ),
    create=Create("/policies/authenticationStrengthPolicies/{parent}/combinationConfigurations"),
    writable=("allowedAAGUIDs", "allowedIssuerSkis", "allowedPolicyOIDs", "appliesToCombinations"),
    sets=("allowedAAGUIDs", "allowedIssuerSkis", "allowedPolicyOIDs", "appliesToCombinations"),
    licence=_LICENCE,
    type_tag_on_write=True,
    bearing=Bearing("authentication_strength_policies", inside="combinationConfigurations"),
    quirks=(
        Quirk(
            "@odata.type is required in every write, and says which combinations may be refined.",
            "Microsoft Graph: Create authenticationCombinationConfiguration",
        ),
        Quirk(
            "A combination is refined by one configuration of a policy.",
            "Microsoft Entra: advanced options of authentication strengths",
            unverified=True,
        ),
    ),
)

AUTHENTICATION_CONTEXTS = ObjectType(
    name="authenticationContextClassReferences",
    title="Authentication contexts",
    path="/identity/conditionalAccess/authenticationContextClassReferences",
    odata_type="#microsoft.graph.authenticationContextClassReference",
    second_look="conditionalAccess",
    wave=WaveNumber.POLICIES,
    needs_to_read=(("AuthenticationContext.Read.All", "Policy.Read.ConditionalAccess"),),
    needs_to_write=(("AuthenticationContext.ReadWrite.All", "Policy.ReadWrite.ConditionalAccess"),),
    throttle=Throttle.CONDITIONAL_ACCESS,
    batchable=False,
    anchor=AnchorSpec(AnchorKind.KEY, "id", "/identity/conditionalAccess/authenticationContextClassReferences"),
    create=Create("/identity/conditionalAccess/authenticationContextClassReferences"),
    writable=("description", "displayName", "isAvailable"),
    create_only=("id",),
    licence=_LICENCE,
    drill=Drill.CANARY,
    quirks=(
        Quirk(
            "The ids are c1 to c99 and chosen by whoever creates a context, so one made anew keeps its id.",
            "Microsoft Graph: authenticationContextClassReference resource type",
        ),
    ),
)

AUTHENTICATION_METHODS_POLICY = ObjectType(
    name="authenticationMethodsPolicy",
    title="Authentication methods policy",
    path="/policies/authenticationMethodsPolicy",
    odata_type="#microsoft.graph.authenticationMethodsPolicy",
    version="beta",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ_METHODS,
    needs_to_write=_WRITE_METHODS,
    writable=(
        "microsoftAuthenticatorPlatformSettings",
        "policyMigrationState",
        "reconfirmationInDays",
        "registrationEnforcement",
        "reportSuspiciousActivitySettings",
        "systemCredentialPreferences",
    ),
    # The configurations are shown inline, and compared where they are objects of their own.
    volatile=("authenticationMethodConfigurations", "lastModifiedDateTime"),
    whole=("registrationEnforcement",),
    sets=(
        "registrationEnforcement.authenticationMethodsRegistrationCampaign.excludeTargets",
        "registrationEnforcement.authenticationMethodsRegistrationCampaign.includeTargets",
    ),
    references=(
        ValueReference(
            "registrationEnforcement.authenticationMethodsRegistrationCampaign.excludeTargets[].id",
            ("groups", "users"),
            literals=("all_users",),
        ),
        ValueReference(
            "registrationEnforcement.authenticationMethodsRegistrationCampaign.includeTargets[].id",
            ("groups", "users"),
            literals=("all_users",),
        ),
    ),
    not_created="every tenant has one, which can't be deleted",
    bearing=Bearing("authentication_methods_policy"),
    quirks=(
        Quirk(
            "Read and written by /beta: v1.0 lacks system-preferred authentication, reporting of suspicious "
            "activity and the platform settings of the authenticator.",
            "Microsoft Graph: authenticationMethodsPolicy resource type (beta)",
            unverified=True,
        ),
        Quirk(
            "A completed migration of the policy may not be taken back.",
            "Microsoft Entra: migrate to the authentication methods policy",
            unverified=True,
        ),
    ),
)

AUTHENTICATION_METHOD_CONFIGURATIONS = ObjectType(
    name="authenticationMethodConfigurations",
    title="Authentication methods, one configuration each",
    path="/policies/authenticationMethodsPolicy/authenticationMethodConfigurations",
    odata_type="#microsoft.graph.authenticationMethodConfiguration",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ_METHODS,
    needs_to_write=_WRITE_METHODS,
    name_property="id",
    # What each method has: a PATCH names only members that the snapshot holds for it.
    writable=(
        "allowExternalIdToUseEmailOtp",
        "authenticationModeConfiguration",
        "certificateAuthorityScopes",
        "certificateUserBindings",
        "crlValidationConfiguration",
        "defaultLength",
        "defaultLifetimeInMinutes",
        "defaultPasskeyProfile",
        "excludeTargets",
        "featureSettings",
        "includeTargets",
        "isAttestationEnforced",
        "isOfficePhoneAllowed",
        "isSelfServiceRegistrationAllowed",
        "isSoftwareOathEnabled",
        "isUsableOnce",
        "issuerHintsConfiguration",
        "keyRestrictions",
        "maximumLifetimeInMinutes",
        "minimumLifetimeInMinutes",
        "passkeyProfiles",
        "standardQRCodeLifetimeInDays",
        "pinLength",
        "state",
    ),
    whole=(
        "authenticationModeConfiguration",
        "crlValidationConfiguration",
        "featureSettings",
        "issuerHintsConfiguration",
        "keyRestrictions",
    ),
    sets=(
        "certificateAuthorityScopes",
        "excludeTargets",
        "includeTargets",
        "keyRestrictions.aaGuids",
        "passkeyProfiles",
    ),
    # Who once has profiles keeps the default one: there is no way back to a policy without.
    only_at_creation=tuple(Condition(name, (None,)) for name in ("defaultPasskeyProfile", "passkeyProfiles")),
    references=(
        ValueReference("includeTargets[].id", ("groups", "users"), literals=("all_users",)),
        ValueReference("excludeTargets[].id", ("groups", "users"), literals=("all_users",)),
        # Of verifiable credentials.
        ValueReference("includeTargets[].verifiedIdProfiles[]", ("verifiedIdProfiles",), include=True),
    ),
    type_tag_on_write=True,
    not_created="the methods are Microsoft's and each tenant has them; external methods are not made anew",
    bearing=Bearing("authentication_methods_policy", inside="authenticationMethodConfigurations"),
    quirks=(
        Quirk(
            "Each method is written on its own path with its @odata.type.",
            "Microsoft Graph: Update fido2AuthenticationMethodConfiguration",
        ),
        Quirk(
            "The collection can be listed by itself; the policy shows the same objects inline.",
            "Microsoft Graph metadata: authenticationMethodsPolicy, authenticationMethodConfigurations",
            unverified=True,
        ),
        Quirk(
            "Passkey profiles of FIDO2 are written with the configuration, each whole, by id; targets name them.",
            "Microsoft Graph: Update fido2AuthenticationMethodConfiguration; passkeyProfile resource type",
        ),
        Quirk(
            "They are a relationship in the metadata, and taken to be shown inline, as targets are; one that was "
            "removed comes back under its id.",
            "Microsoft Graph: Get fido2AuthenticationMethodConfiguration",
            unverified=True,
        ),
        Quirk(
            "The default profile, which comes with the first ones, can't be deleted: nothing goes back to before "
            "there were profiles.",
            "Microsoft Graph: fido2AuthenticationMethodConfiguration resource type, defaultPasskeyProfile",
        ),
        Quirk(
            "A PATCH replaces each member whole, targets included.",
            "Microsoft Graph: Update microsoftAuthenticatorAuthenticationMethodConfiguration",
            unverified=True,
        ),
    ),
)

VERIFIED_ID_PROFILES = ObjectType(
    name="verifiedIdProfiles",
    title="Profiles of verified ids",
    path="/identity/verifiedId/profiles",
    odata_type="#microsoft.graph.verifiedIdProfile",
    wave=WaveNumber.POLICIES,
    needs_to_read=(("VerifiedId-Profile.Read.All",),),
    needs_to_write=(),
    name_property="name",
    match_keys=(MatchKey(("name",), Strength.WEAK),),
    only_read="only a signed-in person may make, change or delete a profile",
    volatile=("lastModifiedDateTime",),
    references=(
        ValueReference(
            "verifiedIdProfileConfiguration.claimValidation.customExtensionId", ("customAuthenticationExtensions",)
        ),
    ),
    drill=Drill.NONE,
    no_drill="it is never restored",
    quirks=(
        Quirk(
            "Apps may read profiles; no application permission writes any.",
            "Microsoft Graph: List profiles; Create profile; Update verifiedIdProfile, Permissions",
        ),
        Quirk(
            "The method of verifiable credentials names the profiles of each target by id.",
            "Microsoft Graph metadata: verifiableCredentialAuthenticationMethodTarget, verifiedIdProfiles",
        ),
        Quirk(
            "The extension that validates claims is one of the tenant's custom authentication extensions.",
            "Microsoft Graph: claimValidation resource type, customExtensionId",
            unverified=True,
        ),
    ),
)
