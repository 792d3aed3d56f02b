"""Seed tenants: deterministic, so that the same seed has the same ids in every process.

`Plan` says how much of everything; `plant` puts it into the store as the tenant's past (no commits, no audit).
Names are untrusted text on purpose: markup, quotes, line separators and several scripts occur.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import Any

from .apart import with_file
from .entitlement import plant as plant_entitlement
from .group_access import plant as plant_group_access
from .groups import reevaluate_dynamic_groups
from .plain import plant as plant_plain
from .rules.apart import image
from .rules.registry import words
from .seeds_agents import plant_agents
from .seeds_apps import plant_applications
from .seeds_governance import plant_governance
from .seeds_inventory import plant_inventory
from .seeds_real import plant_real
from .service import Service
from .writing import security_identifier

Obj = dict[str, Any]
SPACE = uuid.UUID("0b8f9f0e-4c55-4b0b-9f0f-6e0c4b1d2a77")
INITIAL_DOMAIN = "holdfastsim.onmicrosoft.com"
MAIN_DOMAIN = "contoso-sim.example"
BREAK_GLASS_GROUP = "CA-BreakGlassAccounts - Exclude"
PAST = "2024-03-01T08:00:00Z"

_FIRST = words(
    "Ada Zoë Jürgen Søren Łukasz Chloé Dvořák Miyu 小龍 Αλέξης Наталья محمد Siobhán Iñigo Ravi Grace "
    "Linus Edsger Barbara Katherine Alan Hedy Emmy Niels Lise Rosalind Tim Radia Vint Margaret"
)
_LAST = words(
    "Lovelace Ångström Müller Sørensen Kowalski Brontë Novák 田中 李 Παπαδόπουλος Иванова الفارسي "
    "O'Brien Núñez Patel Hopper Torvalds Dijkstra Liskov Johnson Turing Lamarr Noether Bohr Meitner "
    "Franklin Berners-Lee Perlman Cerf"
)
_ODD_NAMES = (
    "<script>alert('x')</script>",
    'Quote "Double" & <b>Bold</b>',
    "O'Neil; DROP TABLE users--",
    "Line\u2028Separator\u2029Name",
    '=HYPERLINK("http://evil.example","x")',
    "Zero\u200bWidth and right-to-left \u202egnp.exe",
    "Emoji 👩‍💻 Team 🚀",
    "../../etc/passwd",
)
_DEPARTMENTS = ("Finance", "Engineering", "Sales", "Legal", "Operations", "Research", "People")


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    users: int
    groups: int
    applications: int
    service_principals: int
    policies: int
    real: bool = False
    agents: bool = False


def plan_of(seed: str, *, with_real: bool = False) -> Plan:
    """`small`, `real`, a number of users, or any of them with `+real`, `+agents` or both."""
    base, *extras = seed.split("+")
    if set(extras) - {"real", "agents"}:
        raise ValueError(f"unknown seed {seed!r}")
    real, agents = with_real or "real" in (base, *extras), "agents" in extras
    if base in ("small", "real"):
        return Plan(seed, 50, 30, 20, 200, 10, real, agents)
    if not base.isdigit() or int(base) < 10:
        raise ValueError(f"unknown seed {seed!r}: small, real or a number of users from 10")
    users = int(base)
    applications = max(3, users * 3 // 100)
    return Plan(seed, users, max(5, users // 5), applications, max(12, applications * 2), 4, real, agents)


def seed_id(kind: str, number: int | str) -> str:
    """A stable object id: the same for the same kind and number in every seed."""
    return str(uuid.uuid5(SPACE, f"{kind}:{number}"))


class Planter:
    """What the parts of a seed share while it is planted."""

    def __init__(self, service: Service, plan: Plan) -> None:
        self.service = service
        self.store = service.store
        self.plan = plan
        self.rng = random.Random(f"holdfast {plan.users} {plan.groups}")
        self.tenant_id = seed_id("tenant", plan.users)
        self.user_ids: list[str] = []
        self.group_ids: list[str] = []
        self.break_glass: list[str] = []
        self.break_glass_group = seed_id("group", "break-glass")

    def put(self, table: str, obj: Obj) -> str:
        self.store.put(table, obj["id"], obj)
        return str(obj["id"])


def plant(service: Service, plan: Plan, reference: str | None = None) -> None:
    planter = Planter(service, plan)
    service.info.update(
        initialDomain=INITIAL_DOMAIN,
        mainDomain=MAIN_DOMAIN,
        tenantId=planter.tenant_id,
        firstParty={},
        seed=plan.name,
    )
    with service.store.seeding():
        _plant_tenant(planter)
        _plant_users(planter)
        if plan.real:
            if reference is None:
                raise FileNotFoundError("the seed needs the reference data: set HOLDFAST_REFERENCE")
            plant_real(planter, reference)
        else:
            _plant_break_glass_group(planter)
        _plant_groups(planter)
        plant_applications(planter)
        if plan.agents:
            plant_agents(planter)
        _plant_policies(planter)
        plant_governance(planter)
        plant_inventory(planter)
        plant_plain(planter)
        plant_entitlement(planter)
        plant_group_access(planter)
        reevaluate_dynamic_groups(service)
    service.info["breakGlassIds"] = planter.break_glass
    service.info["breakGlassGroupId"] = planter.break_glass_group
    service.start(planter.tenant_id)


# --- the tenant itself


def _plant_tenant(planter: Planter) -> None:
    domains = []
    for name, initial, default in ((INITIAL_DOMAIN, True, False), (MAIN_DOMAIN, False, True)):
        planter.put(
            "domains",
            {
                "id": name,
                "authenticationType": "Managed",
                "isAdminManaged": True,
                "isDefault": default,
                "isInitial": initial,
                "isRoot": True,
                "isVerified": True,
                "supportedServices": ["Email", "OfficeCommunicationsOnline"],
                "passwordValidityPeriodInDays": 2147483647,
                "passwordNotificationWindowInDays": 14,
            },
        )
        domains.append(
            {"capabilities": "Email", "isDefault": default, "isInitial": initial, "name": name, "type": "Managed"}
        )
    planter.put(
        "organization",
        {
            "id": planter.tenant_id,
            "displayName": "Contoso <Simulated> & Søn",
            "city": "Utrecht",
            "country": None,
            "countryLetterCode": "NL",
            "createdDateTime": PAST,
            "preferredLanguage": "en",
            "technicalNotificationMails": [f"it@{MAIN_DOMAIN}"],
            "securityComplianceNotificationMails": [f"security@{MAIN_DOMAIN}"],
            "privacyProfile": {
                "contactEmail": f"privacy@{MAIN_DOMAIN}",
                "statementUrl": "https://example.org/privacy",
            },
            "tenantType": "AAD",
            "verifiedDomains": domains,
            "assignedPlans": [
                {
                    "assignedDateTime": PAST,
                    "capabilityStatus": "Enabled",
                    "service": "AADPremiumService",
                    "servicePlanId": "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
                },
                {
                    "assignedDateTime": PAST,
                    "capabilityStatus": "Enabled",
                    "service": "AADPremiumService",
                    "servicePlanId": "eec0eb4f-6444-4f95-aba0-50c24d67f998",
                },
                {
                    "assignedDateTime": PAST,
                    "capabilityStatus": "Enabled",
                    "service": "AADPremiumService",
                    "servicePlanId": "e866a266-3cff-43a3-acca-0c90a7e00c8b",
                },
            ],
        },
    )
    planter.put(
        "authorizationPolicy",
        {
            "id": "authorizationPolicy",
            "displayName": "Authorization Policy",
            "description": "Used to manage authorization related settings across the company.",
            "allowInvitesFrom": "adminsAndGuestInviters",
            "allowedToSignUpEmailBasedSubscriptions": False,
            "allowedToUseSSPR": True,
            "allowEmailVerifiedUsersToJoinOrganization": False,
            "allowUserConsentForRiskyApps": None,
            "blockMsolPowerShell": True,
            "guestUserRoleId": "2af84b1e-32c8-42b7-82bc-daa82404023b",
            "defaultUserRolePermissions": {
                "allowedToCreateApps": False,
                "allowedToCreateSecurityGroups": False,
                "allowedToCreateTenants": False,
                "allowedToReadBitlockerKeysForOwnedDevice": True,
                "allowedToReadOtherUsers": True,
                "permissionGrantPoliciesAssigned": ["ManagePermissionGrantsForSelf.microsoft-user-default-low"],
            },
            "enabledPreviewFeatures": [],
            "permissionGrantPolicyIdsAssignedToDefaultUserRole": [
                "ManagePermissionGrantsForSelf.microsoft-user-default-low"
            ],
        },
    )


# --- users


def _user(planter: Planter, number: int) -> Obj:
    rng = planter.rng
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    odd = number < len(_ODD_NAMES) or number % 97 == 0
    display = _ODD_NAMES[number % len(_ODD_NAMES)] if odd else f"{first} {last}"
    nickname = f"user{number:05d}"
    guest = number % 12 == 7
    upn = f"{nickname}_partner.example#EXT#@{INITIAL_DOMAIN}" if guest else f"{nickname}@{MAIN_DOMAIN}"
    key = seed_id("user", number)
    mail = f"{nickname}@partner.example" if guest else upn
    obj: Obj = {
        "id": key,
        "accountEnabled": number % 31 != 3,
        "displayName": display,
        "givenName": first,
        "surname": last,
        "userPrincipalName": upn,
        "mailNickname": nickname,
        "mail": mail,
        "proxyAddresses": [f"SMTP:{mail}"],
        "userType": "Guest" if guest else "Member",
        "creationType": "Invitation" if guest else None,
        "externalUserState": "Accepted" if guest else None,
        "externalUserStateChangeDateTime": PAST if guest else None,
        "department": None if guest else rng.choice(_DEPARTMENTS),
        "jobTitle": rng.choice(("Analyst", "Engineer", "Counsel", "Lead", None)),
        "companyName": "Contoso" if not guest else "Partner & Co",
        "employeeId": None if guest else f"E{number:06d}",
        "employeeLeaveDateTime": "2027-03-31T16:00:00Z" if number % 7 == 3 and not guest else None,
        "usageLocation": rng.choice(("NL", "DE", "FR")),
        "officeLocation": rng.choice(("Utrecht", "Münster", None)),
        "mobilePhone": f"+31 6 {number:08d}" if number % 5 == 0 else None,
        "businessPhones": [f"+31 30 {number:07d}"] if number % 7 == 0 else [],
        "otherMails": [mail] if guest else [],
        "preferredLanguage": rng.choice(("en-GB", "nl-NL", None)),
        "createdDateTime": PAST,
        "lastPasswordChangeDateTime": PAST,
        "signInSessionsValidFromDateTime": PAST,
        "securityIdentifier": security_identifier(key),
        "identities": [
            {"signInType": "userPrincipalName", "issuer": INITIAL_DOMAIN, "issuerAssignedId": upn},
        ],
        "onPremisesExtensionAttributes": {f"extensionAttribute{n}": None for n in range(1, 16)},
    }
    if number % 50 == 11 and not guest:
        obj.update(
            onPremisesSyncEnabled=True,
            onPremisesImmutableId=uuid.UUID(key).hex[:22] + "==",
            onPremisesLastSyncDateTime=PAST,
            onPremisesDomainName="ad.contoso-sim.example",
            onPremisesSamAccountName=nickname,
        )
    if number % 10 == 1:
        obj = with_file("users", obj, "photo", image(f"face {number}", "image/jpeg"))
    return {k: v for k, v in obj.items() if v is not None}


def _plant_users(planter: Planter) -> None:
    for number in (1, 2):
        key = seed_id("break-glass", number)
        upn = f"breakglass{number}@{INITIAL_DOMAIN}"
        planter.break_glass.append(
            planter.put(
                "users",
                {
                    "id": key,
                    "accountEnabled": True,
                    "displayName": f"Break glass {number}",
                    "userPrincipalName": upn,
                    "mailNickname": f"breakglass{number}",
                    "userType": "Member",
                    "createdDateTime": PAST,
                    "lastPasswordChangeDateTime": PAST,
                    "signInSessionsValidFromDateTime": PAST,
                    "passwordPolicies": "DisablePasswordExpiration",
                    "securityIdentifier": security_identifier(key),
                    "identities": [
                        {"signInType": "userPrincipalName", "issuer": INITIAL_DOMAIN, "issuerAssignedId": upn}
                    ],
                    "onPremisesExtensionAttributes": {f"extensionAttribute{n}": None for n in range(1, 16)},
                },
            )
        )
    for number in range(planter.plan.users - 2):
        obj = _user(planter, number)
        planter.user_ids.append(planter.put("users", obj))
        if number > 0 and obj["userType"] == "Member" and number % 9 != 5:
            manager = planter.user_ids[(number - 1) // 8]
            planter.store.link("users.manager", obj["id"], manager)
        if number > 0 and obj["userType"] == "Guest":
            planter.store.link("users.sponsors", obj["id"], planter.user_ids[0])


# --- groups


def _group(key: str, name: str, nickname: str, tenant_id: str, **more: Any) -> Obj:
    return {
        "id": key,
        "displayName": name,
        "mailNickname": nickname,
        "mailEnabled": False,
        "securityEnabled": True,
        "groupTypes": [],
        "createdDateTime": PAST,
        "renewedDateTime": PAST,
        "organizationId": tenant_id,
        "securityIdentifier": security_identifier(key),
        "proxyAddresses": [],
        **more,
    }


def _plant_break_glass_group(planter: Planter) -> None:
    key = planter.break_glass_group
    planter.put("groups", _group(key, BREAK_GLASS_GROUP, "ca-breakglass", planter.tenant_id))
    for user in planter.break_glass:
        planter.store.link("groups.members", key, user)


def _unified(nickname: str, **more: Any) -> Obj:
    mail = f"{nickname}@{INITIAL_DOMAIN}"
    return {
        "groupTypes": ["Unified"],
        "mailEnabled": True,
        "mail": mail,
        "proxyAddresses": [f"SMTP:{mail}"],
        **more,
    }


def _group_kind(number: int, nickname: str) -> tuple[str, Obj]:
    """What the n-th group is: mostly static security groups, with each special kind present early."""
    if number == 0:
        return "All staff", {"description": "Everybody, by hand"}
    if number == 1:
        return "Tier-0 administrators", {"isAssignableToRole": True, "visibility": "Private"}
    if number == 2:
        return "Confidential project", _unified(nickname, visibility="HiddenMembership", securityEnabled=False)
    if number % 20 == 3 and number < 200:  # few, however large the tenant: each is evaluated for every user
        department = _DEPARTMENTS[(number // 20) % len(_DEPARTMENTS)]
        rule = f'(user.department -eq "{department}") -and (user.accountEnabled -eq true)'
        return f"Dynamic {department} {number}", {
            "groupTypes": ["DynamicMembership"],
            "membershipRule": rule,
            "membershipRuleProcessingState": "On",
        }
    if number % 5 == 4:
        return f"Team {number}", _unified(nickname, visibility="Private", securityEnabled=False)
    if number % 11 == 5:
        return _ODD_NAMES[number % len(_ODD_NAMES)], {}
    # Names repeat on purpose: displayName is not unique.
    return f"Group {number // 2 * 2}", {"uniqueName": nickname} if number % 7 == 6 else {}


def _plant_groups(planter: Planter) -> None:
    rng, store = planter.rng, planter.store
    people = planter.user_ids
    existing = 0 if planter.plan.real else 1  # the break-glass group counts
    for number in range(planter.plan.groups - existing):
        nickname = f"group{number:05d}"
        name, more = _group_kind(number, nickname)
        obj = _group(seed_id("group", number), name, nickname, planter.tenant_id, **more)
        if "Unified" in obj.get("groupTypes", []):
            obj = with_file("groups", obj, "photo", image(name, "image/jpeg"))
        key = planter.put("groups", obj)
        planter.group_ids.append(key)
        if "DynamicMembership" in more.get("groupTypes", []):
            continue
        members = (
            people[: len(people) * 6 // 10] if number == 0 else rng.sample(people, min(len(people), _size(rng)))
        )
        for member in members:
            store.link("groups.members", key, member)
        if number % 100 == 50:  # a large one; without a draw, so that the rest of a seed stays as it was
            for place in range(min(len(people), _LARGE_GROUP)):
                store.link("groups.members", key, people[(number * 37 + place) % len(people)])
        for owner in rng.sample(people, min(len(people), 2)):
            store.link("groups.owners", key, owner)
        nests = number > 8 and number % 6 == 1 and not more
        if nests:  # nested: a later group holds an earlier plain one
            store.link("groups.members", key, planter.group_ids[number - 7])


_LARGE_GROUP = 380  # brings a tenant to six memberships a user


def _size(rng: random.Random) -> int:
    return rng.choice((0, 1, 3, 5, 8, 13, 19, 20, 21, 34, 60))


# --- conditional access


def _plant_policies(planter: Planter) -> None:
    for number, obj in enumerate(_locations(planter)):
        planter.put(
            "namedLocations",
            {"id": seed_id("location", number), "createdDateTime": PAST, "modifiedDateTime": PAST, **obj},
        )
    for number in range(planter.plan.policies):
        planter.put("conditionalAccessPolicies", _policy(planter, number))


def _locations(planter: Planter) -> list[Obj]:
    return [
        {
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "displayName": "Offices",
            "isTrusted": True,
            "ipRanges": [
                {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"},
                {"@odata.type": "#microsoft.graph.iPv6CidrRange", "cidrAddress": "2001:db8::/32"},
            ],
        },
        {
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "displayName": "Guest Wi-Fi “open”",
            "isTrusted": False,
            "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/24"}],
        },
        {
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "displayName": "Home countries",
            "countriesAndRegions": ["NL", "BE", "DE"],
            "includeUnknownCountriesAndRegions": False,
            "countryLookupMethod": "clientIpAddress",
        },
    ]


def _policy(planter: Planter, number: int) -> Obj:
    office, home = seed_id("location", 0), seed_id("location", 2)
    group = planter.group_ids[number % min(3, len(planter.group_ids))]
    shapes: list[tuple[str, Obj, Obj]] = [
        ("Require MFA for all", {}, {"builtInControls": ["mfa"]}),
        (
            "Block outside home countries",
            {"locations": {"includeLocations": ["All"], "excludeLocations": [home, office]}},
            {"builtInControls": ["block"]},
        ),
        (
            "Block legacy authentication",
            {"clientAppTypes": ["exchangeActiveSync", "other"]},
            {"builtInControls": ["block"]},
        ),
        ("Compliant device for staff", {"users": [group]}, {"builtInControls": ["compliantDevice"]}),
        (
            "Strong methods for admins",
            {"roles": ["62e90394-69f5-4237-9190-012177145e10"]},
            {"authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"}},
        ),
    ]
    name, how, grant = shapes[number % len(shapes)]
    if number == 9:  # one policy that needs a strength of the tenant's own
        grant = {"authenticationStrength": {"id": seed_id("strength", 0)}}
    users: Obj = {"excludeGroups": [planter.break_glass_group]}
    if "users" in how:
        users["includeGroups"] = how["users"]
    elif "roles" in how:
        users["includeRoles"] = how["roles"]
    else:
        users["includeUsers"] = ["All"]
    return {
        "id": seed_id("policy", number),
        "displayName": f"SEED{number:02d} {name}",
        "createdDateTime": PAST,
        "state": ("enabled", "enabled", "enabledForReportingButNotEnforced", "enabled", "disabled")[number % 5],
        "conditions": {
            "clientAppTypes": how.get("clientAppTypes", ["all"]),
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "applications": {"includeApplications": ["All"], "excludeApplications": []},
            "users": users,
            **({"locations": how["locations"]} if "locations" in how else {}),
        },
        "grantControls": {
            "operator": "OR",
            "builtInControls": grant.get("builtInControls", []),
            "customAuthenticationFactors": [],
            "termsOfUse": [],
            **(
                {"authenticationStrength": grant["authenticationStrength"]}
                if "authenticationStrength" in grant
                else {}
            ),
        },
        "sessionControls": None,
    }
