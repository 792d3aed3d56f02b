"""Ids of Microsoft Graph's application permissions (app roles).

Source: learn.microsoft.com, "Microsoft Graph permissions reference", as of November 2026; the ids are the same in
every tenant. Only what a list holds stands here. `register` compares each with the app roles of the tenant's own
service principal of Microsoft Graph before it assigns anything.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

GRAPH_APP_ID: Final = "00000003-0000-0000-c000-000000000000"
SOURCE: Final = "learn.microsoft.com, Microsoft Graph permissions reference, November 2026"

APP_ROLES: Final = MappingProxyType(
    {
        "AccessReview.Read.All": "d07a8cc0-3d51-4b77-b3b0-32704d1f69fa",
        "AccessReview.ReadWrite.All": "ef5f7d5c-338f-44b0-86c3-351f46c8bb5f",
        "AdministrativeUnit.ReadWrite.All": "5eb59dd3-1da2-4329-8733-9dabdc435916",
        "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
        "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
        "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
        "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
        "AuthenticationContext.Read.All": "381f742f-e1f8-4309-b4ab-e3d91ae4c5c1",
        "CustomAuthenticationExtension.Read.All": "88bb2658-5d9e-454f-aacd-a3933e079526",
        "CustomAuthenticationExtension.ReadWrite.All": "c2667967-7050-4e7e-b059-4cbbb3811d03",
        "CustomSecAttributeAssignment.Read.All": "3b37c5a4-1226-493d-bec3-5d6c6b866f3f",
        "CustomSecAttributeAssignment.ReadWrite.All": "de89b5e4-5b8f-48eb-8925-29c2b33bd8bd",
        "CustomSecAttributeDefinition.Read.All": "b185aa14-d8d2-42c1-a685-0f5596613624",
        "CustomSecAttributeDefinition.ReadWrite.All": "12338004-21f4-4896-bf5e-b75dfaf1016d",
        "DelegatedPermissionGrant.ReadWrite.All": "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
        "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
        "Domain.Read.All": "dbb9058a-0e50-45d7-ae91-66909b5d4664",
        "EntitlementManagement.Read.All": "c74fd47d-ed3c-45c3-9a9e-b8676de685d2",
        "EntitlementManagement.ReadWrite.All": "9acd699f-1e81-4958-b001-93b1d2506e19",
        "EventListener.Read.All": "b7f6385c-6ce6-4639-a480-e23c42ed9784",
        "EventListener.ReadWrite.All": "0edf5e9e-4ce8-468a-8432-d08631d18c43",
        "Group.ReadWrite.All": "62a82d76-70ea-41e2-9197-370581804d09",
        "GroupSettings.ReadWrite.All": "546168c3-1183-4281-9491-fafb24dea37e",
        "IdentityProvider.Read.All": "e321f0bb-e7f7-481e-bb28-e3b0b32d4bd0",
        "IdentityProvider.ReadWrite.All": "90db2b9a-d928-4d33-a4dd-8442ae3d41e4",
        "IdentityUserFlow.Read.All": "1b0c317f-dd31-4305-9932-259a8b6e8099",
        "IdentityUserFlow.ReadWrite.All": "65319a09-a2be-469d-8782-f6b07debf789",
        "LifecycleWorkflows.Read.All": "7c67316a-232a-4b84-be22-cea2c0906404",
        "LifecycleWorkflows.ReadWrite.All": "5c505cf4-8424-4b8e-aa14-ee06e3bb23e3",
        "Member.Read.Hidden": "658aa5d8-239f-45c4-aa12-864f4fc7e490",
        "MultiTenantOrganization.Read.All": "4f994bc0-31bb-44bb-b480-7a7c1be8c02e",
        "MultiTenantOrganization.ReadWrite.All": "920def01-ca61-4d2d-b3df-105b46046a70",
        "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
        "Organization.ReadWrite.All": "292d869f-3427-49a8-9dab-8c70152b74e9",
        "OrganizationalBranding.Read.All": "eb76ac34-0d62-4454-b97c-185e4250dc20",
        "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
        "Policy.Read.DeviceConfiguration": "bdba4817-6ba1-4a7c-8a01-be9bc7c242dd",
        "Policy.Read.PermissionGrant": "9e640839-a198-48fb-8b9a-013fd6f6cbcd",
        "Policy.ReadWrite.ApplicationConfiguration": "be74164b-cff1-491c-8741-e671cb536e13",
        "Policy.ReadWrite.AuthenticationFlows": "25f85f3c-f66c-4205-8cd5-de92dd7f0cec",
        "Policy.ReadWrite.AuthenticationMethod": "29c18626-4985-4dcd-85c0-193eef327366",
        "Policy.ReadWrite.Authorization": "fb221be6-99f2-473f-bd32-01c6a0e9ca3b",
        "Policy.ReadWrite.ConditionalAccess": "01c0a623-fc9b-48e9-b794-0756f8e8f067",
        "Policy.ReadWrite.ConsentRequest": "999f8c63-0a38-4f1b-91fd-ed1947bdd1a9",
        "Policy.ReadWrite.CrossTenantAccess": "338163d7-f101-4c92-94ba-ca46fe52447c",
        "Policy.ReadWrite.DeviceConfiguration": "230fb2d5-aa21-49c1-bfa7-ae1be179d867",
        "Policy.ReadWrite.ExternalIdentities": "03cc4f92-788e-4ede-b93f-199424d144a5",
        "Policy.ReadWrite.FedTokenValidation": "90bbca0b-227c-4cdc-8083-1c6cfb95bac6",
        "Policy.ReadWrite.PermissionGrant": "a402ca1c-2696-4531-972d-6e5ee4aa11ea",
        "PrivilegedAssignmentSchedule.Read.AzureADGroup": "cd4161cb-f098-48f8-a884-1eda9a42434c",
        "PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup": "41202f2c-f7ab-45be-b001-85c9728b9d69",
        "PrivilegedEligibilitySchedule.Read.AzureADGroup": "edb419d6-7edc-42a3-9345-509bfdf5d87c",
        "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup": "618b6020-bca8-4de6-99f6-ef445fa4d857",
        "PublicKeyInfrastructure.Read.All": "214fda0c-514a-4650-b037-b562b1a66124",
        "PublicKeyInfrastructure.ReadWrite.All": "a2b63618-5350-462d-b1b3-ba6eb3684e26",
        "RoleManagement.Read.Directory": "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
        "RoleManagement.ReadWrite.Directory": "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
        "Synchronization.Read.All": "5ba43d2f-fa88-4db2-bd1c-a67c5f0fb1ce",
        "Synchronization.ReadWrite.All": "9b50c33d-700f-43b1-b2eb-87e89b703581",
        "RoleManagementPolicy.Read.AzureADGroup": "69e67828-780e-47fd-b28c-7b27d14864e6",
        "RoleManagementPolicy.ReadWrite.AzureADGroup": "b38dcc4d-a239-4ed6-aa84-6c65b284f97c",
        "User-LifeCycleInfo.Read.All": "8556a004-db57-4d7a-8b82-97a13428e96f",
        "User-LifeCycleInfo.ReadWrite.All": "925f1248-0f97-47b9-8ec8-538c54e01325",
        "User.DeleteRestore.All": "eccc023d-eccf-4e7b-9683-8813ab36cecc",
        "User.ReadWrite.All": "741f803b-c850-494e-b5df-cde7c675a1ca",
        "VerifiedId-Profile.Read.All": "e227c591-dd64-4a8a-a033-816167f7c938",
    }
)
