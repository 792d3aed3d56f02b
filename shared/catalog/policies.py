"""Policies of which a tenant has one: security defaults, requests for consent, sign-up, expiry of groups."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.spec import (
    AnchorSpec,
    Create,
    DomainName,
    MatchKey,
    ObjectType,
    Quirk,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_ALWAYS_THERE = "every tenant has one, which can't be deleted"

SECURITY_DEFAULTS = ObjectType(
    name="identitySecurityDefaultsEnforcementPolicy",
    title="Security defaults",
    path="/policies/identitySecurityDefaultsEnforcementPolicy",
    odata_type="#microsoft.graph.identitySecurityDefaultsEnforcementPolicy",
    second_look="conditionalAccess",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Policy.Read.All",),),
    needs_to_write=(("Policy.ReadWrite.SecurityDefaults", "Policy.ReadWrite.ConditionalAccess"),),
    writable=("isEnabled",),
    bearing=Bearing("identity_security_defaults_enforcement_policy"),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "Security defaults and conditional access policies that are on exclude each other.",
            "Microsoft Entra: security defaults in Microsoft Entra ID",
        ),
    ),
)

ADMIN_CONSENT_REQUEST_POLICY = ObjectType(
    name="adminConsentRequestPolicy",
    title="Admin consent requests",
    path="/policies/adminConsentRequestPolicy",
    odata_type="#microsoft.graph.adminConsentRequestPolicy",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Policy.Read.All",),),
    needs_to_write=(("Policy.ReadWrite.ConsentRequest",),),
    name_property="id",
    writable=("isEnabled", "notifyReviewers", "remindersEnabled", "requestDurationInDays", "reviewers"),
    put=True,
    volatile=("version",),
    sets=("reviewers",),
    references=(ValueReference("reviewers[].query", ("users", "groups", "roleDefinitions"), text=True),),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "A change is a PUT that names every member; the service counts versions.",
            "Microsoft Graph: Update adminConsentRequestPolicy",
        ),
        Quirk(
            "Reviewers are queries that name a user, a group or a role definition.",
            "Microsoft Graph: accessReviewReviewerScope resource type",
        ),
    ),
)

AUTHENTICATION_FLOWS_POLICY = ObjectType(
    name="authenticationFlowsPolicy",
    title="Authentication flows policy",
    path="/policies/authenticationFlowsPolicy",
    odata_type="#microsoft.graph.authenticationFlowsPolicy",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Policy.Read.All",),),
    needs_to_write=(("Policy.ReadWrite.AuthenticationFlows",),),
    writable=("selfServiceSignUp",),
    whole=("selfServiceSignUp",),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "Whether users may sign up by themselves through user flows.",
            "Microsoft Graph: authenticationFlowsPolicy resource type",
        ),
    ),
)

GROUP_LIFECYCLE_POLICIES = ObjectType(
    name="groupLifecyclePolicies",
    title="Expiry of groups",
    path="/groupLifecyclePolicies",
    odata_type="#microsoft.graph.groupLifecyclePolicy",
    wave=WaveNumber.REST,
    needs_to_read=(("Directory.Read.All",),),
    needs_to_write=(("Directory.ReadWrite.All",),),
    write_by_choice="Directory.ReadWrite.All writes nearly everything else, too, and nothing narrower does this",
    name_property="managedGroupTypes",
    match_keys=(MatchKey(("managedGroupTypes",), Strength.UNIQUE, across=True),),
    anchor=AnchorSpec(AnchorKind.KEY, "managedGroupTypes", "/groupLifecyclePolicies"),
    create=Create("/groupLifecyclePolicies"),
    writable=("alternateNotificationEmails", "groupLifetimeInDays", "managedGroupTypes"),
    domain_names=(DomainName("alternateNotificationEmails"),),
    quirks=(
        Quirk("A tenant has one at most.", "Microsoft Graph: groupLifecyclePolicy resource type"),
        Quirk(
            "Which groups it manages, where those are selected (500 at most), is told by the groups alone.",
            "Microsoft Graph: List groupLifecyclePolicies of a group; groupLifecyclePolicy: addGroup",
        ),
    ),
)
