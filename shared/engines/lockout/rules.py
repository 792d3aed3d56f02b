"""What a finding may be about: a closed list, part of the answer."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    # of a policy
    BLOCK = "block"
    DEVICE = "managedDevice"
    APPLICATION = "managedApplication"
    PASSWORD_CHANGE = "passwordChange"  # noqa: S105
    CUSTOM_CONTROL = "customControl"
    TERMS_OF_USE = "termsOfUse"
    UNKNOWN_CONTROL = "unknownControl"
    SESSION_CONTROL = "sessionControl"
    MFA = "mfaNotProved"
    STRENGTH = "strengthNotProved"
    RISK = "riskWithoutExclusion"
    WORKLOAD = "workloadIdentity"
    UNREADABLE = "policyNotUnderstood"
    # of an account
    UNKNOWN_ACCOUNT = "unknownAccount"
    DISABLED = "accountDisabled"
    NOT_CLOUD_ONLY = "notCloudOnly"
    NOT_MANAGED = "domainNotManaged"
    RESTRICTED = "restrictedManagement"
    # of an account, where a whole tenant is judged
    HOME_REALM = "homeRealm"
    CERTIFICATE = "certificateAsked"
    CROSS_TENANT = "crossTenantAccess"
    # of the whole state, told of every account
    USERS_UNREAD = "usersNotRead"
    ROLES_UNREAD = "rolesNotRead"
    DOMAINS_UNREAD = "domainsNotRead"
    POLICIES_UNREAD = "policiesNotRead"
    NO_ADMINISTRATOR = "noPermanentGlobalAdministrator"
    DEFAULTS_WITH_POLICIES = "securityDefaultsWithPolicies"
    DEFAULTS_UNMET = "securityDefaultsNotMet"
