// The backup app sees who holds which role, for the evidence.
targetScope = 'subscription'

@description('Object id of the backup app.')
param backupId string

@description('Ids of the roles (roles.bicep).')
param roleIds object

resource see 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, backupId, roleIds.accessRead)
  properties: {
    principalId: backupId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.accessRead
  }
}
