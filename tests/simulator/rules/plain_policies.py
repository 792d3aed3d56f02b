"""Policies of the tenant that are plain: defaults and consent."""

from __future__ import annotations

from .form import TypeRule
from .plain import Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"

SECURITY_DEFAULTS = Plain(
    rule=TypeRule(
        table="identitySecurityDefaultsEnforcementPolicy",
        path="/policies/identitySecurityDefaultsEnforcementPolicy",
        odata_type="#microsoft.graph.identitySecurityDefaultsEnforcementPolicy",
        model="identity_security_defaults_enforcement_policy.IdentitySecurityDefaultsEnforcementPolicy",
        source=_GUIDE + "identitysecuritydefaultsenforcementpolicy-update",
        read_only=frozenset(("id", "deletedDateTime", "description", "displayName")),
        audit_name="security defaults",
        audit_category="Policy",
    ),
    read=any_of("Policy.Read.All", "Policy.ReadWrite.SecurityDefaults"),
    change=any_of("Policy.ReadWrite.SecurityDefaults", "Policy.Read.All+Policy.ReadWrite.ConditionalAccess"),
    singleton=True,
    starts=({"displayName": "Security Defaults", "description": "Security defaults", "isEnabled": False},),
)

ADMIN_CONSENT = Plain(
    rule=TypeRule(
        table="adminConsentRequestPolicy",
        path="/policies/adminConsentRequestPolicy",
        odata_type="#microsoft.graph.adminConsentRequestPolicy",
        model="admin_consent_request_policy.AdminConsentRequestPolicy",
        source=_GUIDE + "adminconsentrequestpolicy-update",
        required=("isEnabled", "notifyReviewers", "remindersEnabled", "requestDurationInDays", "reviewers"),
        read_only=frozenset(("id", "version")),
        audit_name="consent request policy",
        audit_category="Policy",
    ),
    read=any_of("Policy.Read.All", "Policy.ReadWrite.ConsentRequest"),
    change=any_of("Policy.ReadWrite.ConsentRequest"),
    singleton=True,
    whole=True,
    starts=(
        {
            "isEnabled": True,
            "notifyReviewers": True,
            "remindersEnabled": False,
            "requestDurationInDays": 14,
            "version": 0,
            "reviewers": [
                {"query": "/users/@users/3", "queryType": "MicrosoftGraph", "queryRoot": None},
                {
                    "query": "/groups/@groups/2/transitiveMembers/microsoft.graph.user",
                    "queryType": "MicrosoftGraph",
                    "queryRoot": None,
                },
            ],
        },
    ),
)

AUTHENTICATION_FLOWS = Plain(
    rule=TypeRule(
        table="authenticationFlowsPolicy",
        path="/policies/authenticationFlowsPolicy",
        odata_type="#microsoft.graph.authenticationFlowsPolicy",
        model="authentication_flows_policy.AuthenticationFlowsPolicy",
        source=_GUIDE + "authenticationflowspolicy-update",
        read_only=frozenset(("id", "description", "displayName")),
        merges_nested=False,
        audit_name="authentication flows policy",
        audit_category="Policy",
    ),
    read=any_of("Policy.Read.All", "Policy.ReadWrite.AuthenticationFlows"),
    change=any_of("Policy.ReadWrite.AuthenticationFlows"),
    singleton=True,
    starts=(
        {
            "displayName": "Authentication flows policy",
            "description": "Self-service sign-up",
            "selfServiceSignUp": {"isEnabled": False},
        },
    ),
)

MANAGED, SELECTED = "groups.groupLifecyclePolicies", "Selected"

GROUP_LIFECYCLE = Plain(
    rule=TypeRule(
        table="groupLifecyclePolicies",
        odata_type="#microsoft.graph.groupLifecyclePolicy",
        model="group_lifecycle_policy.GroupLifecyclePolicy",
        source=_GUIDE + "grouplifecyclepolicy-post-grouplifecyclepolicies",
        required=("groupLifetimeInDays", "managedGroupTypes", "alternateNotificationEmails"),
        read_only=frozenset(("id",)),
        most=1,
        audit_name="group lifecycle policy",
        audit_category="GroupManagement",
    ),
    read=any_of("Directory.Read.All", "Directory.ReadWrite.All"),
    change=any_of("Directory.ReadWrite.All"),
    create=any_of("Directory.ReadWrite.All"),
    held_while={MANAGED: ("managedGroupTypes", SELECTED)},
    starts=(
        {
            "groupLifetimeInDays": 180,
            "managedGroupTypes": SELECTED,
            "alternateNotificationEmails": "admin@contoso-sim.example;ops@contoso-sim.example",
            "_held": {MANAGED: ("@unified/0", "@unified/1")},
        },
    ),
)

POLICIES: tuple[Plain, ...] = (SECURITY_DEFAULTS, ADMIN_CONSENT, AUTHENTICATION_FLOWS, GROUP_LIFECYCLE)
