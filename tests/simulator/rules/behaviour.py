"""Every behaviour that is not a plain property rule, with its source, and whether anybody has verified it.

An unverified rule is played in its worse reading for a client. The simulator counts each use.
"""

from __future__ import annotations

from .agents import AGENT_RULES
from .apart import APART_RULES
from .behaviour_entitlement import ENTITLEMENT_RULES
from .behaviour_governance import GOVERNANCE
from .behaviour_plain import PLAIN_RULES
from .extensions import EXTENSIONS
from .group_access import GROUP_ACCESS_RULES
from .registry import Rule

_LEARN = "https://learn.microsoft.com/"
_API = _LEARN + "graph/api/"
_THROTTLING = "Microsoft Graph service-specific throttling limits, " + _LEARN + "graph/throttling-limits"
_PAGING = "Paging Microsoft Graph data, " + _LEARN + "graph/paging"
_DELTA = "Use delta query to track changes, " + _LEARN + "graph/delta-query-overview"
_BATCH = "Combine multiple requests in one HTTP call using JSON batching, " + _LEARN + "graph/json-batching"
_QUERY = "Use query parameters to customize responses, " + _LEARN + "graph/query-parameters"
_ADVANCED = "Advanced query capabilities on directory objects, " + _LEARN + "graph/aad-advanced-queries"
_BIN = "directory (deleted items) resource type, " + _API + "resources/directory"
_RESTORE = "Restore deleted directory object item, " + _API + "directory-deleteditems-restore"
_RECOVER = "Recover from deletions in Microsoft Entra ID, " + _LEARN + "entra/architecture/recover-from-deletions"
_CA = "conditionalAccessPolicy resource type, " + _API + "resources/conditionalaccesspolicy"
_LOCATION = "namedLocation resource type, " + _API + "resources/namedlocation"
_CONSISTENCY = "Microsoft Entra architecture, " + _LEARN + "entra/architecture/architecture"
_METADATA = "Microsoft Graph metadata v1.0"


def _r(rule_id: str, statement: str, source: str, *, unverified: bool = False) -> Rule:
    return Rule(rule_id, statement, source, unverified)


def _u(rule_id: str, statement: str, source: str) -> Rule:
    return Rule(rule_id, statement, source, unverified=True)


BEHAVIOUR: tuple[Rule, ...] = (
    # --- tokens and permissions
    _r(
        "auth.bearer",
        "A request without a valid, unexpired bearer token answers 401 InvalidAuthenticationToken.",
        "Microsoft Graph error responses, " + _LEARN + "graph/errors",
    ),
    _r(
        "auth.permission",
        "A token without an accepted permission answers 403 Authorization_RequestDenied.",
        "Microsoft Graph permissions reference, " + _LEARN + "graph/permissions-reference",
    ),
    _r(
        "auth.limited-members",
        "Members whose type the token may not read come back as @odata.type and id alone.",
        "Microsoft Graph permissions overview: limited information for inaccessible member objects, "
        + _LEARN
        + "graph/permissions-overview",
    ),
    _u(
        "auth.hidden-membership",
        "Without Member.Read.Hidden a group with hidden membership looks empty, without error.",
        "Microsoft Graph permissions reference, " + _LEARN + "graph/permissions-reference",
    ),
    _u(
        "auth.add-member-app-only",
        "POST members/$ref takes GroupMember.ReadWrite.All, Group.ReadWrite.All or "
        "Directory.ReadWrite.All app-only, though the published permission data lists none.",
        "Add members, " + _API + "group-post-members",
    ),
    _u(
        "auth.policy-apps",
        "Writing a policy that names applications also needs Application.Read.All.",
        "Create conditionalAccessPolicy, " + _API + "conditionalaccessroot-post-policies",
    ),
    _u(
        "auth.policy-bin",
        "Restoring a policy or location from its bin needs Policy.Read.All and "
        "Policy.ReadWrite.ConditionalAccess app-only (the published permission tables are empty).",
        _METADATA,
    ),
    _r(
        "auth.role-assignable",
        "Creating or changing a role-assignable group and its members needs RoleManagement.ReadWrite.Directory.",
        "Create group, " + _API + "group-post-groups",
    ),
    _u(
        "auth.purge-app-only",
        "Users and groups can't be purged with an application permission.",
        "Permanently delete an item, " + _API + "directory-deleteditems-delete",
    ),
    _r(
        "auth.sign-in-activity",
        "signInActivity needs AuditLog.Read.All; without it the request answers 403.",
        "user resource type, " + _API + "resources/user",
    ),
    _r(
        "auth.employee-leave",
        "employeeLeaveDateTime is read with User-LifeCycleInfo.Read.All and written with "
        "User-LifeCycleInfo.ReadWrite.All alone; without them the request answers 403.",
        "user resource type, " + _API + "resources/user",
    ),
    _u(
        "licence.conditional-access",
        "A tenant without Entra ID P1 gets 403 from the conditional access paths.",
        "Microsoft Entra licensing, " + _LEARN + "entra/fundamentals/licensing",
    ),
    # --- reading
    _r(
        "list.page",
        "A list gives 100 objects a page, at most 999 by $top, then an opaque absolute nextLink.",
        _PAGING,
    ),
    _u("list.empty-page", "A page may be empty and still carry a nextLink.", _PAGING),
    _u("list.page-token-life", "A page token expires; it then answers 400 Directory_ExpiredPageToken.", _PAGING),
    _r("list.user-default", "users without $select show only 11 properties.", "List users, " + _API + "user-list"),
    _r(
        "list.single-get-only",
        "Some user properties can only be read by a single GET; a list that selects them answers 501.",
        "user resource type, " + _API + "resources/user",
    ),
    _u(
        "get.exchange-404",
        "Exchange-side properties of a group that is not a Microsoft 365 group answer 404.",
        "group resource type, " + _API + "resources/group",
    ),
    _r("list.expand-20", "$expand on directory objects returns at most 20 items and no link to more.", _QUERY),
    _r("list.expand-one", "A request may expand one relationship only.", _QUERY),
    _u("list.expand-manager-absent", "A user without a manager has no manager member when expanded.", _QUERY),
    _r(
        "query.advanced",
        "$count, $search, ne, not, endsWith and $orderby with $filter need ConsistencyLevel: eventual "
        "and $count=true.",
        _ADVANCED,
    ),
    _u("query.count-lags", "$count reads a separate index that lags twice as much.", _ADVANCED),
    _r("secret.password", "passwordProfile is never readable.", "user resource type, " + _API + "resources/user"),
    _r(
        "secret.key",
        "keyCredentials[].key is only returned by a single GET with $select=keyCredentials.",
        "keyCredential resource type, " + _API + "resources/keycredential",
    ),
    # --- writing in general
    _r("write.required", "A create without a required property is refused.", _METADATA),
    _u(
        "write.read-only",
        "A write that names a read-only or computed property is refused, even with its own value.",
        _METADATA,
    ),
    _r("write.unknown", "A write with a property the type doesn't know is refused.", _METADATA),
    _r(
        "write.once",
        "Properties that are settable at creation only are refused later.",
        "group, application and federatedIdentityCredential resource types, " + _API,
    ),
    _u(
        "write.annotations",
        "@odata annotations in a body are ignored; advertised actions (#...) are refused.",
        _METADATA,
    ),
    _u("write.bind", "Relationships are bound only where the reference shows it; elsewhere refused.", _METADATA),
    _u(
        "write.merge-nested",
        "PATCH of a complex property of a directory object merges its members.",
        "Update application, " + _API + "application-update",
    ),
    _u(
        "write.replace-nested",
        "PATCH of conditions, grantControls or sessionControls replaces the whole object.",
        "Update conditionalAccessPolicy, " + _API + "conditionalaccesspolicy-update",
    ),
    _u(
        "write.replace-default-role",
        "PATCH of defaultUserRolePermissions replaces it whole; what is left out becomes false.",
        "Update authorizationPolicy, " + _API + "authorizationpolicy-update",
    ),
    # --- users
    _r(
        "user.upn-unique",
        "userPrincipalName is unique in the tenant.",
        "user resource type, " + _API + "resources/user",
    ),
    _r(
        "user.sponsors-5",
        "A user has at most five sponsors.",
        "Microsoft Entra: Sponsors field for B2B users, learn.microsoft.com/entra/external-id/b2b-sponsors",
    ),
    _r(
        "user.upn-domain",
        "The domain of a userPrincipalName must be a verified domain of the tenant.",
        "user resource type, " + _API + "resources/user",
    ),
    _r(
        "user.password-required",
        "Creating a user needs a passwordProfile with a password.",
        "Create user, " + _API + "user-post-users",
    ),
    _u(
        "user.bin-renames",
        "A deleted user's name is prefixed with its id in the bin, so that the name is free.",
        _BIN,
    ),
    _u(
        "user.mail-computed",
        "A user's or group's mail and proxyAddresses are computed by the mail system and refused on write.",
        "user resource type, " + _API + "resources/user",
    ),
    # --- groups
    _r(
        "group.kinds",
        "Only security, Microsoft 365 and dynamic groups can be created; other mail-enabled groups are Exchange's.",
        "Create group, " + _API + "group-post-groups",
    ),
    _r(
        "group.bind-20",
        "A create or PATCH of a group takes at most 20 member and owner references.",
        "Add members, " + _API + "group-post-members",
    ),
    _u(
        "group.bind-atomic",
        "A bind of several members is all or nothing and fails if one is a member or missing.",
        "Add members, " + _API + "group-post-members",
    ),
    _r(
        "group.dynamic-members",
        "Members of a dynamic group can't be written.",
        "group resource type, " + _API + "resources/group",
    ),
    _u(
        "group.dynamic-evaluation",
        "A dynamic group's members follow its rule, after a delay, only while membershipRuleProcessingState is On.",
        "group resource type, " + _API + "resources/group",
    ),
    _r(
        "group.last-owner",
        "The last owner that is a user can't be removed from a group.",
        "Remove group owner, " + _API + "group-delete-owners",
    ),
    _u(
        "group.caller-owner",
        "A group created app-only without owners is owned by the caller.",
        "Create group, " + _API + "group-post-groups",
    ),
    _u(
        "group.member-delete",
        "DELETE members/{id} without $ref deletes the member object itself.",
        "Remove member, " + _API + "group-delete-members",
    ),
    _r(
        "group.m365-members",
        "A Microsoft 365 group can't hold groups.",
        "Add members, " + _API + "group-post-members",
    ),
    _u(
        "group.nickname-unique",
        "A Microsoft 365 group's mailNickname is unique, the bin included.",
        "group resource type, " + _API + "resources/group",
    ),
    _u(
        "extension.own-path",
        "Open extensions are listed below their owner; lists of directory objects don't show them.",
        "Get openTypeExtension, " + _API + "opentypeextension-get",
    ),
    _r(
        "extension.required",
        "A write of an open extension names its @odata.type and its extensionName.",
        "Create openTypeExtension, " + _API + "opentypeextension-post-opentypeextension",
    ),
    _r(
        "extension.primitive",
        "An open extension holds primitive values and lists of those.",
        "Create openTypeExtension, " + _API + "opentypeextension-post-opentypeextension",
    ),
    _r(
        "extension.replaced",
        "A PATCH of an open extension deletes what it doesn't name.",
        "Update openTypeExtension, " + _API + "opentypeextension-update",
    ),
    _u(
        "extension.unique",
        "An object has one open extension of a name; the id is its name behind the type.",
        "openTypeExtension resource type, " + _API + "resources/opentypeextension",
    ),
    _u(
        "behavior.none",
        "What was never synchronized from on premises has no onPremisesSyncBehavior.",
        "Get onPremisesSyncBehavior, " + _API + "onpremisessyncbehavior-get",
    ),
    _u(
        "templates.none",
        "An application that offers no template of a provisioning job answers 404.",
        "List synchronization templates, " + _API + "synchronization-synchronization-list-templates",
    ),
    _r(
        "expiry.selected",
        "A group is added to a policy of expiry only where that manages selected groups.",
        "groupLifecyclePolicy: addGroup, " + _API + "grouplifecyclepolicy-addgroup",
    ),
    _r(
        "expiry.500",
        "A policy of expiry manages 500 selected groups at most.",
        "groupLifecyclePolicy: addGroup, " + _API + "grouplifecyclepolicy-addgroup",
    ),
    _r(
        "expiry.false",
        "Adding a group that is managed, or removing one that isn't, is answered 200 with false.",
        "groupLifecyclePolicy: removeGroup, " + _API + "grouplifecyclepolicy-removegroup",
    ),
    _r(
        "expiry.unified",
        "Only Microsoft 365 groups can be managed by a policy of expiry.",
        "groupLifecyclePolicy resource type, " + _API + "resources/grouplifecyclepolicy",
    ),
    _u(
        "expiry.all",
        "Where a policy of expiry manages all groups, each Microsoft 365 group tells of it.",
        "List groupLifecyclePolicies, " + _API + "group-list-grouplifecyclepolicies",
    ),
    # --- applications
    _r(
        "app.new-ids",
        "A new application gets a new id and a new appId.",
        "Create application, " + _API + "application-post-applications",
    ),
    _r(
        "app.caller-owner",
        "An application created without owners is owned by the calling app.",
        "Create application, " + _API + "application-post-applications",
    ),
    _r(
        "app.identifier-uris",
        "identifierUris are unique in the tenant.",
        "application resource type, " + _API + "resources/application",
    ),
    _r(
        "app.uri-policy",
        "An identifierUri must be api:// with the application's own appId, or use a verified domain.",
        "Restrictions on identifier URIs, " + _LEARN + "entra/identity-platform/identifier-uri-restrictions",
    ),
    _u(
        "app.behaviors-after",
        "authenticationBehaviors can't be set by the POST that creates an application.",
        "Manage application authenticationBehaviors, " + _LEARN + "graph/applications-authenticationbehaviors",
    ),
    _u(
        "app.names-kept-in-bin", "identifierUris and uniqueName of a deleted application or group stay taken.", _BIN
    ),
    _r(
        "app.upsert",
        "PATCH of an unknown uniqueName with Prefer: create-if-missing makes the application.",
        "Upsert application, " + _API + "application-upsert",
    ),
    _r(
        "app.role-disable-first",
        "An app role or scope must be disabled before it can be removed.",
        "appRole resource type, " + _API + "resources/approle",
    ),
    _r(
        "app.delete-takes-sp",
        "Deleting an application soft-deletes its service principal in the home tenant.",
        "Application and service principal objects, "
        + _LEARN
        + "entra/identity-platform/app-objects-and-service-principals",
    ),
    _r("app.restore-leaves-sp", "Restoring an application doesn't restore its service principal.", _RECOVER),
    _r(
        "fic.limit",
        "An application has at most 20 federated identity credentials.",
        "federatedIdentityCredential resource type, " + _API + "resources/federatedidentitycredential",
    ),
    _r(
        "fic.unique",
        "Names, and pairs of issuer and subject, are unique within an application.",
        "federatedIdentityCredential resource type, " + _API + "resources/federatedidentitycredential",
    ),
    # --- service principals
    _r(
        "sp.one-per-app",
        "One service principal per appId.",
        "servicePrincipal resource type, " + _API + "resources/serviceprincipal",
    ),
    _r(
        "sp.unknown-app",
        "A service principal needs an application that exists; unknown appIds are refused with 400.",
        "Create servicePrincipal, " + _API + "serviceprincipal-post-serviceprincipals",
    ),
    _u(
        "sp.app-lag",
        "Shortly after the application's creation the same 400 comes although it exists.",
        "Create servicePrincipal, " + _API + "serviceprincipal-post-serviceprincipals",
    ),
    _u("sp.restore-conflict", "A service principal can't come back while another one holds its appId.", _RESTORE),
    _u(
        "sp.assignments-hidden",
        "App role assignments of a deleted principal or resource are not listed until it comes back.",
        _RECOVER,
    ),
    _r(
        "assignment.unique",
        "The same principal, resource and role can be assigned once.",
        "Grant an appRoleAssignment, " + _API + "serviceprincipal-post-approleassignedto",
    ),
    _u(
        "assignment.default-access",
        "The all-zero role id means default access.",
        "appRoleAssignment resource type, " + _API + "resources/approleassignment",
    ),
    # --- conditional access
    _r(
        "ca.shape",
        "A policy needs displayName, state, an application rule, a user rule and a grant or session control.",
        "Create conditionalAccessPolicy, " + _API + "conditionalaccessroot-post-policies",
    ),
    _u(
        "ca.references",
        "A policy write that names a user, group, role, location or application that doesn't exist is "
        "refused; the numbers in the messages are the simulator's.",
        _CA,
    ),
    _r("ca.dangling", "Deleting a group or user leaves its id in the policies that name it.", _RECOVER),
    _u(
        "ca.preview-read",
        "A policy with preview members can't be read on v1.0, alone or in a list: 400, 1037.",
        _CA,
    ),
    _u("ca.preview-write", "A policy with preview members can't be written on v1.0: 400, 1038.", _CA),
    _u("ca.session-null", "sessionControls is cleared by null as a whole; an empty object is refused.", _CA),
    _u(
        "ca.frequency",
        "An all-default signInFrequency is refused; everyTime excludes app-enforced restrictions and "
        "disableResilienceDefaults.",
        "signInFrequencySessionControl resource type, " + _API + "resources/signinfrequencysessioncontrol",
    ),
    _u(
        "ca.strength-id",
        "Writes of an authentication strength carry only its id.",
        "Create conditionalAccessPolicy, " + _API + "conditionalaccessroot-post-policies",
    ),
    _u(
        "recovery.jobs",
        "Jobs and previews of the native backup are in one list, newest or not, each with its type and state; an "
        "application may read them with EntraBackup.Read.All, and start none.",
        "recoveryJobBase resource type, " + _API + "resources/entrarecoveryservices-recoveryjobbase",
    ),
    _u(
        "ca.evaluate",
        "The evaluation of policies counts those in report-only mode as those that are on, says of one that is off "
        "that it doesn't apply (policyNotEnabled), evaluates nothing that the request doesn't tell "
        "(notEnoughInformation), takes MicrosoftAdminPortals for an application, and answers 1037 on v1.0 where a "
        "policy has preview members.",
        "conditionalAccessRoot: evaluate, " + _API + "conditionalaccessroot-evaluate",
    ),
    _u("ca.bin-state", "A policy comes back from its bin in the state it had, enabled included.", _METADATA),
    _u("ca.bin-location", "A named location comes back from its bin untrusted.", _METADATA),
    _u(
        "ca.bin-app-only",
        "The bin of policies and locations can be listed, restored and purged app-only.",
        _METADATA,
    ),
    _r(
        "location.type",
        "@odata.type is mandatory when a named location is created or changed.",
        "Update ipNamedLocation, " + _API + "ipnamedlocation-update",
    ),
    _u("location.delete-referenced", "A named location that a policy names can't be deleted.", _LOCATION),
    _u(
        "location.delete-trusted",
        "A trusted IP location can't be deleted until isTrusted is false.",
        "Delete namedLocation, " + _API + "namedlocation-delete",
    ),
    _u(
        "location.compliant-network",
        "Compliant network locations are a beta type: v1.0 shows their base members only, "
        "and they can't be created or deleted.",
        _LOCATION,
    ),
    # --- bins
    _r("bin.thirty-days", "Deleted objects stay 30 days in the bin, with their id.", _BIN),
    _r("bin.keeps", "A restored object keeps its id, memberships and owners.", _RESTORE),
    _u(
        "bin.security-groups",
        "Cloud security groups go to the bin too; a deleted one reports securityEnabled false.",
        _BIN,
    ),
    _r("bin.no-distribution", "Mail-enabled groups that aren't Microsoft 365 groups are purged at once.", _BIN),
    _u(
        "bin.user-conflict",
        "A user can't come back under a name in use unless newUserPrincipalName is given.",
        _RESTORE,
    ),
    _u(
        "bin.proxy-conflict",
        "A user whose proxy address is in use only comes back with autoReconcileProxyConflict, which drops it.",
        _RESTORE,
    ),
    # --- delta
    _u(
        "delta.pages",
        "A delta page holds at most 200 objects or 500 links, fewer at the service's choice; large "
        "groups come in pieces.",
        _DELTA,
    ),
    _u("delta.empty-page", "A delta page may be empty and carry a nextLink.", _DELTA),
    _u("delta.replay", "A delta may repeat an entry.", _DELTA),
    _r("delta.removed", "A soft-deleted object has @removed reason changed, a purged one reason deleted.", _DELTA),
    _u(
        "delta.latest-at-primary",
        "$deltatoken=latest starts at the newest commit, even where reads lag behind it.",
        _DELTA,
    ),
    _r(
        "delta.expiry",
        "Delta tokens of directory objects live seven days, then 410 with Location or 400 syncStateNotFound.",
        _DELTA,
    ),
    _u("delta.owners", "owners are tracked as owners@delta.", _DELTA),
    _u("delta.lag", "A delta misses changes that have not replicated; the next one has them.", _DELTA),
    # --- batch
    _r(
        "batch.limits",
        "A batch holds at most 20 requests with unique ids and relative addresses, not nested.",
        _BATCH,
    ),
    _r("batch.order", "Responses of a batch may come in any order.", _BATCH),
    _r("batch.dependency", "A request whose dependency failed answers 424.", _BATCH),
    _r("batch.charge", "Each request in a batch is throttled on its own.", _BATCH),
    # --- throttling
    _r(
        "throttle.units",
        "Directory requests cost resource units per app and tenant; the quota follows the tenant's size.",
        _THROTTLING,
    ),
    _r("throttle.writes", "Directory writes are limited to 3,000 per 2.5 minutes per app and tenant.", _THROTTLING),
    _r("throttle.audit", "Audit logs take 5 requests per 10 seconds per app and tenant.", _THROTTLING),
    _u(
        "throttle.conditional-access",
        "Conditional access takes one request a second per tenant for all apps, and its 429 has no Retry-After.",
        _THROTTLING,
    ),
    _u("throttle.counts-refused", "Refused calls count against the quota.", _THROTTLING),
    # --- replication
    _r(
        "lag.reads",
        "Reads are served by replicas that lag behind: 404 after 201, lists and links without the newest changes.",
        _CONSISTENCY,
    ),
    _u("lag.flapping", "Successive reads may be served by replicas of different age.", _CONSISTENCY),
    _u(
        "lag.writes",
        "A write to an object that has not replicated answers 404, a reference to one 400 or 404.",
        _CONSISTENCY,
    ),
    _u("audit.lag", "Audit events appear late.", "List directoryAudits, " + _API + "directoryaudit-list"),
    *GOVERNANCE,
    *PLAIN_RULES,
    *AGENT_RULES,
    *APART_RULES,
    *ENTITLEMENT_RULES,
    *GROUP_ACCESS_RULES,
    *EXTENSIONS,
)
