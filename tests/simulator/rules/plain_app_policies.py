"""Policies that are assigned to applications and service principals."""

from __future__ import annotations

from .form import LinkRule, TypeRule
from .plain import Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_READ = any_of("Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration")
_WRITE = any_of("Policy.ReadWrite.ApplicationConfiguration")
_ASSIGN = any_of(
    "Policy.Read.All+Application.ReadWrite.All",
    "Policy.ReadWrite.ApplicationConfiguration+Application.ReadWrite.All",
)


def _sts(table: str, model: str, name: str, definition: str, **to: str) -> Plain:
    """`to`: by table, what the seed's first policy is assigned to."""
    singular = name[0].lower() + name[1:]
    return Plain(
        rule=TypeRule(
            table=table,
            path=f"/policies/{table}",
            odata_type=f"#microsoft.graph.{singular}",
            model=f"{model}.{name}",
            source=f"{_GUIDE}{singular.lower()}-post-{table.lower()}",
            required=("definition", "displayName"),
            read_only=frozenset(("id", "deletedDateTime")),
            links=(LinkRule("appliesTo", tuple(to)),) if to else (),
            audit_name="policy",
            audit_category="Policy",
        ),
        read=_READ,
        change=_WRITE,
        create=_WRITE,
        assigned=table if to else "",
        assign=_ASSIGN,
        defaults={"isOrganizationDefault": False},
        starts=(
            {
                "displayName": f"{name} – one",
                "definition": [definition],
                "_links": {"appliesTo": list(to.values())} if to else {},
            },
            {"displayName": f"{name} – two", "definition": [definition.replace("1", "2")]},
        ),
    )


CLAIMS = _sts(
    "claimsMappingPolicies",
    "claims_mapping_policy",
    "ClaimsMappingPolicy",
    '{"ClaimsMappingPolicy":{"Version":1,"IncludeBasicClaimSet":"true","ClaimsSchema":[{"Source":"user","ID":"employeeid"}]}}',
    servicePrincipals="@servicePrincipals/1",
)
HOME_REALMS = _sts(
    "homeRealmDiscoveryPolicies",
    "home_realm_discovery_policy",
    "HomeRealmDiscoveryPolicy",
    '{"HomeRealmDiscoveryPolicy":{"AccelerateToFederatedDomain":true,"PreferredDomain":"one1.example"}}',
    servicePrincipals="@servicePrincipals/2",
)
ISSUANCE = _sts(
    "tokenIssuancePolicies",
    "token_issuance_policy",
    "TokenIssuancePolicy",
    '{"TokenIssuancePolicy":{"Version":1,"SigningAlgorithm":"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}}',
    applications="@applications/1",
    servicePrincipals="@servicePrincipals/3",
)
LIFETIMES = _sts(
    "tokenLifetimePolicies",
    "token_lifetime_policy",
    "TokenLifetimePolicy",
    '{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"8:00:00"}}',
    applications="@applications/2",
    servicePrincipals="@servicePrincipals/4",
)
TIMEOUTS = _sts(
    "activityBasedTimeoutPolicies",
    "activity_based_timeout_policy",
    "ActivityBasedTimeoutPolicy",
    '{"ActivityBasedTimeoutPolicy":{"Version":1,"ApplicationPolicies":[{"ApplicationId":"default"}]}}',
)

APP_POLICIES: tuple[Plain, ...] = (CLAIMS, HOME_REALMS, ISSUANCE, LIFETIMES, TIMEOUTS)
