// The vault: the account's blob service, its containers with their retention, who may add, read, inspect and lock,
// what is logged. Retention policies are made unlocked: no template can lock one. `holdfast vault lock` does.

@description('Name of the storage account, which exists.')
param accountName string

@description('Containers: name, and for how many days its blobs can\'t be changed or deleted.')
param containers array

@description('Names of containers whose policy is locked by now: a locked policy refuses to be deployed again.')
param lockedContainers array

@description('Name of the container that takes plans, approvals, journals and reports.')
param evidenceContainer string

@description('Object id of the app that fills the vault: adds to every container, sees how it is protected.')
param writerId string

@description('Object id of the restore app: reads every container, adds to the evidence. Empty: there is none.')
param restoreId string

@description('Object id of the copier of a second account in this account\'s tenant: reads every container. Empty: there is none.')
param copierId string

@description('Who else may read every container: principal id, principal type.')
param readers array

@description('Who may lock and lengthen policies: principal id, principal type.')
param keepers array

@description('Who may place the approvers\' document in the evidence: principal id, principal type.')
param placers array

@description('Whether there is a container for snapshots under legal hold.')
param holding bool

@description('Who may keep snapshots under legal hold: principal id, principal type.')
param holders array

@description('Ids of the roles (roles.bicep).')
param roleIds object

@description('Workspace that every read, write and delete is logged to.')
param workspaceId string

var writers = [
  {
    id: writerId
    type: 'ServicePrincipal'
  }
]
var restorers = empty(restoreId) ? [] : [
  {
    id: restoreId
    type: 'ServicePrincipal'
  }
]
var writerAppends = [for one in containers: {
  container: one.name
  id: writerId
  type: 'ServicePrincipal'
}]
var evidenceAppends = [for one in concat(placers, restorers): {
  container: evidenceContainer
  id: one.id
  type: one.type
}]
var appenders = concat(writerAppends, evidenceAppends)
var copiers = empty(copierId) ? [] : [
  {
    id: copierId
    type: 'ServicePrincipal'
  }
]
var allReaders = concat(readers, copiers, holders, restorers)
var inspectors = concat(writers, readers, keepers, holders)

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: accountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    changeFeed: {
      enabled: false
    }
    // Soft delete and versions prolong erasure and protect nothing that the retention doesn't.
    containerDeleteRetentionPolicy: {
      enabled: false
    }
    deleteRetentionPolicy: {
      enabled: false
    }
    isVersioningEnabled: false
  }
}

module container 'container.bicep' = [for one in containers: {
  name: 'container-${one.name}'
  params: {
    accountName: accountName
    containerName: one.name
    days: one.days
    locked: contains(lockedContainers, one.name)
  }
  dependsOn: [
    blobs
  ]
}]

resource held 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' existing = [for one in appenders: {
  parent: blobs
  name: one.container
}]

// Snapshots under legal hold. What keeps them is the hold, set on this container; no app adds to it.
resource hold 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = if (holding) {
  parent: blobs
  name: 'hold'
  properties: {
    publicAccess: 'None'
  }
}

resource holdKeep 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in holders: {
  scope: hold
  name: guid(hold.id, one.id, roleIds.vaultHold)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.vaultHold
  }
}]

resource holdRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (holding) {
  scope: hold
  name: guid(hold.id, writerId, roleIds.vaultRead)
  properties: {
    principalId: writerId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.vaultRead
  }
}

resource append 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (one, index) in appenders: {
  scope: held[index]
  name: guid(account.id, one.container, one.id, roleIds.vaultAppend)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.vaultAppend
  }
  dependsOn: [
    container
  ]
}]

resource read 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in allReaders: {
  scope: account
  name: guid(account.id, one.id, roleIds.vaultRead)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.vaultRead
  }
}]

resource inspect 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in inspectors: {
  scope: account
  name: guid(account.id, one.id, roleIds.vaultInspect)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.vaultInspect
  }
}]

resource keep 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in keepers: {
  scope: account
  name: guid(account.id, one.id, roleIds.vaultLock)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.vaultLock
  }
}]

// Deletes what its retention no longer keeps; a policy that still holds refuses it, and it comes again next day.
var expiry = [for one in containers: {
  enabled: true
  name: 'expire-${one.name}'
  type: 'Lifecycle'
  definition: {
    actions: {
      baseBlob: {
        delete: {
          daysAfterCreationGreaterThan: one.days + 1
        }
      }
    }
    filters: {
      blobTypes: [
        'blockBlob'
      ]
      prefixMatch: [
        '${one.name}/'
      ]
    }
  }
}]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: expiry
    }
  }
  dependsOn: [
    blobs
  ]
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: account
  name: 'holdfast-vault'
  properties: {
    level: 'CanNotDelete'
    notes: 'Backups. Taking this lock off is alarmed; blobs under locked retention stay whatever is done here.'
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'holdfast'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}
