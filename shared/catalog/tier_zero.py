"""What gives access, and what gives power over the whole tenant, directly or by a short way: an approval names each
grant of that.

Roles and permissions are told by the ids that are the same in every tenant. Of roles the harmless ones are listed:
one that nobody listed, such as a custom role or one that is new, counts as privileged.
"""

from __future__ import annotations

from typing import Final

from shared.catalog.spec import Condition, Gives, TierZero
from shared.domain.plan import AccessKind

_ROLES_PAGE: Final = "Microsoft Entra built-in roles, label PRIVILEGED"
_PERMISSIONS_PAGE: Final = "Microsoft Graph permissions reference"

# Built-in directory roles that the page doesn't label as privileged, by template id.
HARMLESS_ROLES: Final = (
    "adb2368d-a9be-41b5-8667-d96778e081b0",  # Agent ID Developer
    "6b942400-691f-4bf0-9d12-d8a254a2baf5",  # Agent Registry Administrator
    "d2562ede-74db-457e-a7b6-544e236ebb61",  # AI Administrator
    "9c6df0f2-1e7c-4dc3-b195-66dfbd24aa8f",  # Attack Payload Author
    "c430b396-e693-46cc-96f3-db01bf8bb62a",  # Attack Simulation Administrator
    "58a13ea3-c632-46ae-9ee0-9c0d43cd7f3d",  # Attribute Assignment Administrator
    "ffd52fa5-98dc-465c-991d-fc073eb59f8f",  # Attribute Assignment Reader
    "8424c6f0-a189-499e-bbd0-26c1753c96d4",  # Attribute Definition Administrator
    "1d336d2c-4ae8-42ef-9711-b3604ce3fc2c",  # Attribute Definition Reader
    "5b784334-f94b-471a-a387-e7219fc49ca2",  # Attribute Log Administrator
    "9c99539d-8186-4804-835f-fd51ef9e2dcd",  # Attribute Log Reader
    "e3973bdf-4987-49ae-837a-ba8e231c7286",  # Azure DevOps Administrator
    "7495fdc4-34c4-4d15-a289-98788ce399fd",  # Azure Information Protection Administrator
    "3edaf663-341e-4475-9f94-5c398ef6c070",  # B2C IEF Policy Administrator
    "b0f54661-2d74-4c50-afa3-1ec803f12efe",  # Billing Administrator
    "892c5842-a9a6-463a-8041-72aa08ca3cf6",  # Cloud App Security Administrator
    "17315797-102d-40b4-93e0-432062caca18",  # Compliance Administrator
    "e6d1a23a-da11-4be4-9570-befc86d067a7",  # Compliance Data Administrator
    "5c4f9dcd-47dc-4cf7-8c9a-9e4207cbfc91",  # Customer LockBox Access Approver
    "38a96431-2bdf-4b4c-8b6e-5d3d8abac1a4",  # Desktop Analytics Administrator
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",  # Directory Readers
    "e93e3737-fa85-474a-aee4-7d3fb86510f3",  # Dragon Administrator
    "44367163-eba1-44c3-98af-f5787879f96a",  # Dynamics 365 Administrator
    "963797fb-eb3b-4cde-8ce3-5878b3f32a3f",  # Dynamics 365 Business Central Administrator
    "3f1acade-1e04-4fbc-9b69-f0302cd84aef",  # Edge Administrator
    "29232cdf-9323-42fd-ade2-1d097af3e4de",  # Exchange Administrator
    "49eb8f75-97e9-4e37-9b2b-6c3ebfcffa31",  # Exchange Backup Administrator
    "31392ffb-586c-42d1-9346-e59415a2cc4e",  # Exchange Recipient Administrator
    "dd13091a-6207-4fc0-82ba-3641e056ab95",  # Extended Directory User Administrator
    "6e591065-9bad-43ed-90f3-e9424366d2f0",  # External ID User Flow Administrator
    "0f971eea-41eb-4569-a71e-57bb8a3eff1e",  # External ID User Flow Attribute Administrator
    "a9ea8996-122f-4c74-9520-8edcd192826c",  # Fabric Administrator
    "ac434307-12b9-4fa1-a708-88bf58caabc1",  # Global Secure Access Administrator
    "843318fb-79a6-4168-9e6f-aa9a07481cc4",  # Global Secure Access Log Reader
    "fdd7a751-b60b-444a-984c-02652fe8fa1c",  # Groups Administrator
    "95e79109-95c0-4d8e-aee3-d01accf2d47b",  # Guest Inviter
    "45d8d3c5-c802-45c6-b32a-1d70b5e1e86e",  # Identity Governance Administrator
    "eb1f4a8d-243a-41f0-9fbd-c7cdf6c5ef7c",  # Insights Administrator
    "25df335f-86eb-4119-b717-0ff02de207e9",  # Insights Analyst
    "31e939ad-9672-4796-9c2e-873181342d2d",  # Insights Business Leader
    "2ea5ce4c-b2d8-4668-bd81-3680bd2d227a",  # IoT Device Administrator
    "74ef975b-6605-40af-a5d2-b9539d836353",  # Kaizala Administrator
    "b5a8dcf3-09d5-43a9-a639-8e29ef291470",  # Knowledge Administrator
    "744ec460-397e-42ad-a462-8b3f9747a02c",  # Knowledge Manager
    "4d6ac14f-3453-41d0-bef9-a3e0c569773a",  # License Administrator
    "ac16e43d-7b2d-40e0-ac05-243ff356ab5b",  # Message Center Privacy Reader
    "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",  # Message Center Reader
    "1707125e-0aa2-4d4d-8655-a7c786c76a25",  # Microsoft 365 Backup Administrator
    "8c8b803f-96e1-4129-9349-20738d9f9652",  # Microsoft 365 Migration Administrator
    "9f06204d-73c1-4d4c-880a-6edb90606fd8",  # Microsoft Entra Joined Device Local Administrator
    "ee67aa9c-e510-4759-b906-227085a7fd4d",  # Microsoft Graph Data Connect Administrator
    "1501b917-7653-4ff9-a4b5-203eaf33784f",  # Microsoft Hardware Warranty Administrator
    "281fe777-fb20-4fbb-b7a3-ccebce5b0d96",  # Microsoft Hardware Warranty Specialist
    "d37c8bed-0711-4417-ba38-b4abe66ce4c2",  # Network Administrator
    "2b745bdf-0803-4d80-aa65-822c4493daac",  # Office Apps Administrator
    "92ed04bf-c94a-4b82-9729-b799a7a4c178",  # Organizational Branding Administrator
    "9d70768a-0cbc-4b4c-aea3-2e124b2477f4",  # Organizational Data Source Administrator
    "e48398e2-f4bb-4074-8f31-4586725e205b",  # Organizational Messages Approver
    "507f53e4-4e52-4077-abd3-d2e1558b6ea2",  # Organizational Messages Writer
    "024906de-61e5-49c8-8572-40335f1e0e10",  # People Administrator
    "af78dc32-cf4d-46f9-ba4e-4428526346b5",  # Permissions Management Administrator
    "78b0ccd1-afc2-4f92-9116-b41aedd09592",  # Places Administrator
    "11648597-926c-4cf3-9c36-bcebb0ba8dcc",  # Power Platform Administrator
    "644ef478-e28f-4e28-b9dc-3fdde9aa0b1f",  # Printer Administrator
    "e8cef6f1-e4bd-4ea8-bc07-4b8d950f4477",  # Printer Technician
    "4a5d8f65-41da-4de4-8968-e035b65339cf",  # Reports Reader
    "0964bb5e-9bdb-4d7b-ac29-58e794862a40",  # Search Administrator
    "8835291a-918c-4fd7-a9ce-faa49f0cf7d9",  # Search Editor
    "f023fd81-a637-4b56-95fd-791ac0226033",  # Service Support Administrator
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",  # SharePoint Administrator
    "99009c4a-3b3f-4957-82a9-9d35e12db77e",  # SharePoint Advanced Management Administrator
    "9d3e04ba-3ee4-4d1b-a3a7-9aef423a09be",  # SharePoint Backup Administrator
    "1a7d78b6-429f-476b-b8eb-35fb715fffd4",  # SharePoint Embedded Administrator
    "75941009-915a-4869-abe7-691bff18279e",  # Skype for Business Administrator
    "69091246-20e8-4a56-aa4d-066075b2a7a8",  # Teams Administrator
    "baf37b3a-610e-45da-9e62-d9d1e5e8914b",  # Teams Communications Administrator
    "f70938a0-fc10-4177-9e90-2178f8765737",  # Teams Communications Support Engineer
    "fcf91098-03e3-41a9-b5ba-6f0ec8188a12",  # Teams Communications Support Specialist
    "3d762c5a-1b6c-493f-843e-55a3b42923d4",  # Teams Devices Administrator
    "1076ac91-f3d9-41a7-a339-dcdf5f480acc",  # Teams Reader
    "aa38014f-0993-46e9-9b45-30501a20909d",  # Teams Telephony Administrator
    "112ca1a2-15ad-4102-995e-45b0bc479a6a",  # Tenant Creator
    "75934031-6c7e-415a-99d7-48dbd49e875e",  # Usage Summary Reports Reader
    "27460883-1df1-4691-b032-3b79643e5e63",  # User Experience Success Manager
    "e300d9e7-4a2b-4295-9eff-f1c78b36cc98",  # Virtual Visits Administrator
    "0ec3f692-38d6-4d14-9e69-0377ca7797ad",  # Viva Glint Tenant Administrator
    "92b086b3-e367-4ef2-b869-1de128fb986e",  # Viva Goals Administrator
    "87761b17-1ed2-4af3-9acd-92a150038160",  # Viva Pulse Administrator
    "11451d60-acb2-45eb-a7d6-43d0f0125c13",  # Windows 365 Administrator
    "32696413-001a-46ae-978c-ce0f6b3620d2",  # Windows Update Deployment Administrator
    "810a2642-a034-447f-a5e8-41beaa378541",  # Yammer Administrator
)

# Permissions of Microsoft Graph by which an application makes itself, or somebody else, an administrator, or signs
# in as one; by the id of the app role. Delegated grants name them by their text.
TAKEOVER: Final = {
    "06b708a9-e830-4db3-a914-8e69da51d44f": "AppRoleAssignment.ReadWrite.All",
    "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9": "Application.ReadWrite.All",
    "19dbc75e-c2e2-444c-a770-ec69d8559fc7": "Directory.ReadWrite.All",
    "7e05723c-0bb0-42da-be95-ae9f08a6e53c": "Domain.ReadWrite.All",
    "2f6817f8-7b12-4f0f-bc18-eeaf60705a9e": "PrivilegedAccess.ReadWrite.AzureADGroup",
    "41202f2c-f7ab-45be-b001-85c9728b9d69": "PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup",
    "618b6020-bca8-4de6-99f6-ef445fa4d857": "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",
    "dd199f4a-f148-40a4-a2ec-f0069cc799ec": "RoleAssignmentSchedule.ReadWrite.Directory",
    "fee28b28-e1f3-4841-818e-2704dc62245f": "RoleEligibilitySchedule.ReadWrite.Directory",
    "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8": "RoleManagement.ReadWrite.Directory",
    "31e08e0a-d3f7-4ca2-ac39-7343fb83e8ad": "RoleManagementPolicy.ReadWrite.Directory",
    "50483e42-d915-4231-9639-7fdb7fd190e5": "UserAuthenticationMethod.ReadWrite.All",
}

HOLDS_A_ROLE: Final = TierZero(
    source=_ROLES_PAGE,
    why="a privileged directory role",
    holder="principalId",
    harmless=Condition("roleDefinitionId", HARMLESS_ROLES),
)
IN_A_ROLE_GROUP: Final = TierZero(
    source="Microsoft Entra: Use groups to manage role assignments",
    why="a place in a group that can hold directory roles",
    holder="principalId",
    given="groupId",
)
ROLE_GROUP: Final = TierZero(
    source="Microsoft Entra: Use groups to manage role assignments",
    why="a place in a group that can hold directory roles",
    holds=Condition("isAssignableToRole", (True,)),
    links=("members", "owners"),
)
APP_PERMISSION: Final = TierZero(
    source=_PERMISSIONS_PAGE,
    why="an application permission that leads to every other",
    holder="principalId",
    when=Condition("appRoleId", tuple(TAKEOVER)),
)
CONSENT: Final = TierZero(
    source=_PERMISSIONS_PAGE,
    why="consent to a permission that leads to every other",
    holder="clientId",
    when=Condition("scope", tuple(TAKEOVER.values()), within=True),
)
OWNED: Final = TierZero(
    source="Microsoft Entra: Overview of enterprise application ownership",
    why="power over an application that has such power itself, because an owner may add credentials to it",
    links=("owners",),
)
CREDENTIAL: Final = TierZero(
    source="Microsoft Graph: federatedIdentityCredential resource type",
    why="a way to sign in as an application that has such power",
    lets_in=True,
)
ROLE_CONTENT: Final = TierZero(
    source="Microsoft Entra: custom roles overview",
    why="what a directory role may do",
    members=("rolePermissions",),
)

_ASSIGNABLE = "Microsoft Entra: Use groups to manage role assignments (groups in such groups are not supported)"
GIVES_ROLE: Final = Gives(AccessKind.ROLES, "principalId", "roleDefinitionId", nested=False, source=_ASSIGNABLE)
GIVES_ELIGIBILITY: Final = Gives(
    AccessKind.ELIGIBLE, "principalId", "roleDefinitionId", nested=False, source=_ASSIGNABLE
)
GIVES_APP_ROLE: Final = Gives(
    AccessKind.APPS,
    "principalId",
    "resourceId",
    nested=False,
    source="Microsoft Entra: Manage users and groups assignment to an application (no nested groups)",
)
GIVES_CONSENT: Final = Gives(
    AccessKind.APPS,
    "clientId",
    "resourceId",
    nested=False,
    source="Microsoft Graph: oAuth2PermissionGrant resource type",
)
