// One state account: queues with their poison twins, the table of states, and rights per queue and per table.
// Nothing here is trusted: messages hold ids, rows tell of progress, and both are checked against the vault.

@description('Name of the storage account, which exists.')
param accountName string

@description('Queues; each gets a twin with -poison behind its name.')
param queues array

@description('Tables.')
param tables array

@description('Object id of the app that works on these queues and tables.')
param workerId string

@description('Who else may put messages where: queue, principal id, principal type.')
param senders array

@description('Who else may read the tables: principal id, principal type.')
param tableReaders array

@description('Ids of the roles (roles.bicep).')
param roleIds object

@description('Workspace that reads, writes and deletes are logged to.')
param workspaceId string

var twins = [for name in queues: '${name}-poison']
var queueNames = concat(queues, twins)
var logged = [
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

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: accountName
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' = [for name in queueNames: {
  parent: queueService
  name: name
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2026-04-01' = [for name in tables: {
  parent: tableService
  name: name
}]

resource queueWork 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, index) in queueNames: {
  scope: queue[index]
  name: guid(account.id, name, workerId, roleIds.queueWork)
  properties: {
    principalId: workerId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.queueWork
  }
}]

resource target 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' existing = [for one in senders: {
  parent: queueService
  name: one.queue
}]

resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (one, index) in senders: {
  scope: target[index]
  name: guid(account.id, one.queue, one.id, roleIds.queueSend)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.queueSend
  }
  dependsOn: [
    queue
  ]
}]

resource tableWork 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, index) in tables: {
  scope: table[index]
  name: guid(account.id, name, workerId, roleIds.tableWork)
  properties: {
    principalId: workerId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.tableWork
  }
}]

resource tableRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in tableReaders: {
  scope: tableService
  name: guid(account.id, one.id, roleIds.tableRead)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.tableRead
  }
}]

resource queueLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queueService
  name: 'holdfast'
  properties: {
    workspaceId: workspaceId
    logs: logged
  }
}

resource tableLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: tableService
  name: 'holdfast'
  properties: {
    workspaceId: workspaceId
    logs: logged
  }
}
