// One key vault: signing keys with rights per key, or initial passwords. Nothing in it can be purged.

@description('Region.')
param location string

@description('Name of the key vault.')
param vaultName string

@description('Tenant of the subscription.')
param tenantId string

@description('Keys on P-256: name, and object id of the identity that signs with it.')
param keys array

@description('Who may read public keys: principal id, principal type.')
param keyReaders array

@description('Object ids of identities that store initial passwords.')
param passwordWriters array

@description('Who may read initial passwords: principal id, principal type.')
param passwordReaders array

@description('No public endpoint at all; a private one instead.')
param private bool

@description('Subnets whose traffic is let in.')
param subnetIds array

@description('Public address ranges whose traffic is let in (CIDR).')
param callerRanges array

@description('Ids of the roles (roles.bicep).')
param roleIds object

@description('Workspace that every use of a key or secret is logged to.')
param workspaceId string

var ipRules = [for range in callerRanges: {
  value: range
}]

var networkRules = [for id in subnetIds: {
  id: id
}]

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: vaultName
  location: location
  properties: {
    tenantId: tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enablePurgeProtection: true
    enableRbacAuthorization: true
    enableSoftDelete: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: ipRules
      virtualNetworkRules: networkRules
    }
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    softDeleteRetentionInDays: 90
  }
}

// A key that is there stays as it is: deploying again makes no new version.
resource key 'Microsoft.KeyVault/vaults/keys@2026-02-01' = [for one in keys: {
  parent: vault
  name: one.name
  properties: {
    attributes: {
      enabled: true
      exportable: false
    }
    curveName: 'P-256'
    keyOps: [
      'sign'
      'verify'
    ]
    kty: 'EC'
  }
}]

resource sign 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (one, index) in keys: {
  scope: key[index]
  name: guid(vault.id, one.name, one.signer, roleIds.sign)
  properties: {
    principalId: one.signer
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.sign
  }
}]

resource readKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in keyReaders: {
  scope: vault
  name: guid(vault.id, one.id, roleIds.keyRead)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.keyRead
  }
}]

resource storePasswords 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for id in passwordWriters: {
  scope: vault
  name: guid(vault.id, id, roleIds.passwordStore)
  properties: {
    principalId: id
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.passwordStore
  }
}]

resource readPasswords 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in passwordReaders: {
  scope: vault
  name: guid(vault.id, one.id, roleIds.passwordRead)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.passwordRead
  }
}]

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: vault
  name: 'holdfast-keys'
  properties: {
    level: 'CanNotDelete'
    notes: 'Signing keys or initial passwords of Holdfast. Taking this lock off is alarmed.'
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'holdfast'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

@description('Resource id.')
output id string = vault.id

@description('Address.')
output uri string = vault.properties.vaultUri
