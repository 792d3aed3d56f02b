// What each identity may do, as roles of our own: the built-in ones allow more than any identity here needs.
// No role below holds a data action that writes over, or deletes, a blob; docs/security.md says who gets which.
targetScope = 'subscription'

@description('Prefix of this deployment\'s names; keeps the roles of two deployments apart.')
param name string

var here = subscription().id
var containers = 'Microsoft.Storage/storageAccounts/blobServices/containers'
var queues = 'Microsoft.Storage/storageAccounts/queueServices/queues'
var entities = 'Microsoft.Storage/storageAccounts/tableServices/tables/entities'

var roles = [
  {
    key: 'vault-append'
    description: 'Create blobs under new names and read them. Nothing can be written over or deleted.'
    actions: [
      '${containers}/read'
    ]
    dataActions: [
      '${containers}/blobs/add/action'
      '${containers}/blobs/read'
    ]
  }
  {
    key: 'vault-read'
    description: 'List and read blobs. No shared access signature can be made with it.'
    actions: [
      '${containers}/read'
    ]
    dataActions: [
      '${containers}/blobs/read'
    ]
  }
  {
    key: 'vault-inspect'
    description: 'See how the vault is protected: policies, holds, lifecycle rules, locations. No blob can be read.'
    actions: [
      'Microsoft.Storage/storageAccounts/read'
      'Microsoft.Storage/storageAccounts/blobServices/read'
      '${containers}/read'
      '${containers}/immutabilityPolicies/read'
      'Microsoft.Storage/storageAccounts/managementPolicies/read'
    ]
    dataActions: []
  }
  {
    key: 'vault-lock'
    description: 'Lock and lengthen retention policies. None can be weakened with it.'
    actions: [
      '${containers}/immutabilityPolicies/lock/action'
      '${containers}/immutabilityPolicies/extend/action'
    ]
    dataActions: []
  }
  {
    key: 'vault-hold'
    description: 'Add snapshots to the hold container, set and clear its legal holds. Nothing can be deleted.'
    actions: [
      '${containers}/read'
      '${containers}/setLegalHold/action'
      '${containers}/clearLegalHold/action'
    ]
    dataActions: [
      '${containers}/blobs/add/action'
      '${containers}/blobs/read'
    ]
  }
  {
    key: 'access-read'
    description: 'See who holds which role. None can be given.'
    actions: [
      'Microsoft.Authorization/roleAssignments/read'
      'Microsoft.Authorization/roleDefinitions/read'
      'Microsoft.Resources/subscriptions/read'
    ]
    dataActions: []
  }
  {
    key: 'log-read'
    description: 'Query the log of accesses to blobs, and no other table.'
    actions: [
      'Microsoft.OperationalInsights/workspaces/read'
      'Microsoft.OperationalInsights/workspaces/query/read'
      'Microsoft.OperationalInsights/workspaces/query/StorageBlobLogs/read'
    ]
    dataActions: []
  }
  {
    key: 'queue-work'
    description: 'Take messages from a queue, put them back, move them to its poison queue. The queue itself stays.'
    actions: [
      '${queues}/read'
    ]
    dataActions: [
      '${queues}/messages/read'
      '${queues}/messages/write'
      '${queues}/messages/delete'
      '${queues}/messages/add/action'
      '${queues}/messages/process/action'
    ]
  }
  {
    key: 'queue-send'
    description: 'Put messages into a queue. None can be read.'
    actions: []
    dataActions: [
      '${queues}/messages/add/action'
    ]
  }
  {
    key: 'table-work'
    description: 'Read, add and change rows of a table. None can be deleted, and the table itself stays.'
    actions: []
    dataActions: [
      '${entities}/read'
      '${entities}/add/action'
      '${entities}/update/action'
    ]
  }
  {
    key: 'table-read'
    description: 'Read rows of a table.'
    actions: []
    dataActions: [
      '${entities}/read'
    ]
  }
  {
    key: 'sign'
    description: 'Read a public key and sign with its private part, which stays in the key vault.'
    actions: []
    dataActions: [
      'Microsoft.KeyVault/vaults/keys/read'
      'Microsoft.KeyVault/vaults/keys/sign/action'
    ]
  }
  {
    key: 'key-read'
    description: 'Read public keys.'
    actions: []
    dataActions: [
      'Microsoft.KeyVault/vaults/keys/read'
    ]
  }
  {
    key: 'password-store'
    description: 'Store initial passwords and find again the one that was stored.'
    actions: []
    dataActions: [
      'Microsoft.KeyVault/vaults/secrets/getSecret/action'
      'Microsoft.KeyVault/vaults/secrets/setSecret/action'
    ]
  }
  {
    key: 'password-read'
    description: 'List initial passwords and read them.'
    actions: []
    dataActions: [
      'Microsoft.KeyVault/vaults/secrets/getSecret/action'
      'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
    ]
  }
  {
    key: 'code-deploy'
    description: 'Put a package into an app. Its settings, identity and network stay as they are.'
    actions: [
      'Microsoft.Web/sites/read'
      'Microsoft.Web/sites/publish/action'
      'Microsoft.Web/sites/extensions/read'
      'Microsoft.Web/sites/extensions/write'
      'Microsoft.Web/sites/deployments/read'
    ]
    dataActions: []
  }
  {
    key: 'app-switch'
    description: 'Start and stop an app.'
    actions: [
      'Microsoft.Web/sites/read'
      'Microsoft.Web/sites/start/action'
      'Microsoft.Web/sites/stop/action'
    ]
    dataActions: []
  }
]

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for one in roles: {
  name: guid(here, name, one.key)
  properties: {
    roleName: '${name} ${one.key} ${uniqueString(here)}'
    description: one.description
    type: 'CustomRole'
    assignableScopes: [
      here
    ]
    permissions: [
      {
        actions: one.actions
        notActions: []
        dataActions: one.dataActions
        notDataActions: []
      }
    ]
  }
}]

var ids = [for one in roles: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(here, name, one.key))]

@description('Ids of the roles, by what they are for.')
output ids object = {
  vaultAppend: ids[0]
  vaultRead: ids[1]
  vaultInspect: ids[2]
  vaultLock: ids[3]
  vaultHold: ids[4]
  accessRead: ids[5]
  logRead: ids[6]
  queueWork: ids[7]
  queueSend: ids[8]
  tableWork: ids[9]
  tableRead: ids[10]
  sign: ids[11]
  keyRead: ids[12]
  passwordStore: ids[13]
  passwordRead: ids[14]
  codeDeploy: ids[15]
  appSwitch: ids[16]
}
