// Holdfast: one deployment per protected tenant, in the subscription that keeps the backups.
//
// Deployed by hand or from a protected pipeline by somebody who may assign roles; no app can deploy. Every resource
// is in one EU region; the groups separate who administers what (docs/security.md). The README says how to run it.
targetScope = 'subscription'

// --- what has to be given ---------------------------------------------------------------------------------------

@description('Region of everything; inside the EU, with zones, and with Flex Consumption.')
@allowed([
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'northeurope'
  'spaincentral'
  'swedencentral'
  'westeurope'
])
param location string

@description('Tenant that is backed up (id).')
@minLength(36)
@maxLength(36)
param tenantId string

@description('Client id of the application that the backup app reads that tenant as.')
@minLength(36)
@maxLength(36)
param backupClientId string

@description('Client id of the application that the restore app writes to that tenant as.')
@minLength(36)
@maxLength(36)
param restoreClientId string

@description('E-mail addresses that alerts go to. Alerts carry ids, types and counts only.')
@minLength(1)
param alertEmails array

// --- what may be given ------------------------------------------------------------------------------------------

@description('Prefix of all names: 3 to 11 lower-case letters and digits. Another one makes a second deployment.')
@minLength(3)
@maxLength(11)
param name string = 'holdfast'

@description('Redundancy of the vault: zones of the region, or zones and the region\'s pair, which is in the EU, too.')
@allowed([
  'zones'
  'zonesAndPair'
])
param redundancy string = 'zones'

@description('Retention classes in days; the first takes the daily backups.')
@minLength(1)
param retentionClasses array = [
  35
]

@description('Days that plans, approvals, journals and reports are kept.')
@minValue(1)
@maxValue(146000)
param evidenceDays int = 400

@description('Days that the signed chain of snapshots is kept at least; always as long as the longest of what it has to prove.')
@minValue(1)
@maxValue(146000)
param chainDays int = 400

@description('Containers whose retention was locked with holdfast vault lock. Without them a redeployment is refused by the platform.')
param lockedContainers array = []

@description('Object ids of the break-glass accounts. Without them plans that touch conditional access are refused.')
param breakGlassIds array = []

@description('What a backup reads although it is off by itself, by its names in docs/permissions.md; each takes the permissions named there.')
param optIns array = []

@description('SHA-256 of the approvers\' document (holdfast approvers create). Without it no plan can be approved.')
param approversSha256 string = ''

@description('Hours after which a recorded override counts for approvers who are missing; 0: there are no overrides.')
@minValue(0)
@maxValue(720)
param overrideHours int = 24

@description('Public keys by purpose, as JSON (docs/deployment.md). Without them nothing that was signed is believed.')
param publicKeys string = ''

@description('When full backups begin: six-field cron, UTC.')
param backupSchedule string = '0 0 1 * * *'

@description('When lost messages are looked for: six-field cron, UTC.')
param sweepSchedule string = '0 */5 * * * *'

@description('When evidence of the month before is made: six-field cron, UTC.')
param evidenceSchedule string = '0 0 5 1 * *'

@description('When the apps check themselves: six-field cron, UTC.')
param statusSchedule string = '0 0 6 * * *'

@description('Recovery targets as JSON (HOLDFAST_RECOVERY_TARGETS), for the evidence.')
param recoveryTargets string = ''

@description('Hours without a committed snapshot after which an alert fires.')
@minValue(2)
@maxValue(47)
param absenceHours int = 26

@description('Whether the restore app runs. Off between restores: each deployment with the default switches it off.')
param restoreArmed bool = false

@description('public: public endpoints behind a firewall, Entra ID only. private: private endpoints, nothing public.')
@allowed([
  'private'
  'public'
])
param network string = 'public'

@description('Public address ranges from which people and pipelines come (CIDR, no private ranges); nobody else is let in.')
param callerRanges array = []

@description('Address range of the network.')
param addressRange string = '10.71.0.0/24'

@description('Three ranges in it, at least a /27 each: backup app, restore app, private endpoints.')
@minLength(3)
@maxLength(3)
param subnetRanges array = [
  '10.71.0.0/27'
  '10.71.0.32/27'
  '10.71.0.64/27'
]

@description('Python on Azure.')
@allowed([
  '3.12'
  '3.13'
])
param pythonVersion string = '3.13'

@description('Days that logs can be queried.')
@minValue(90)
@maxValue(730)
param logDays int = 365

@description('Region that processes notifications.')
@allowed([
  'germanywestcentral'
  'swedencentral'
])
param actionRegion string = 'swedencentral'

@description('Object id, in this tenant, of the copier of a second account: its identity, or the app registration that stands for it.')
param copierPrincipalId string = ''

@description('Subnets of that copier, which the vault\'s firewall lets in (output copierSubnetId of copy.bicep).')
param copierSubnetIds array = []

// --- groups of people, by object id; nobody has a right whose group is not given --------------------------------

@description('Group that may ask for backups, plans and restores.')
param requestersGroupId string = ''

@description('Group that may post approvals. What counts is an approver\'s signature, not membership.')
param approversGroupId string = ''

@description('Group that may read the vault, its protection and the public keys: verifiers, auditors.')
param readersGroupId string = ''

@description('Group that may lock and lengthen retention, and place the approvers\' document.')
param keepersGroupId string = ''

@description('Group that may keep snapshots under legal hold, and end that. Best by just-in-time activation with approval.')
param holdersGroupId string = ''

@description('Group that may read initial passwords after a restore.')
param passwordsGroupId string = ''

@description('Group that may put code into the backup app.')
param backupDeployersGroupId string = ''

@description('Group that may put code into the restore app.')
param restoreDeployersGroupId string = ''

@description('Group that may start and stop the restore app, and ask it what its token permits.')
param armersGroupId string = ''

// --- names and checks -------------------------------------------------------------------------------------------

var suffix = uniqueString(subscription().id, name)
var short = take(name, 8)
var private = network == 'private'

// Regions with a pair, which is in the EU for every one of them. Asking for a pair elsewhere is refused: no such name.
var skusWithPair = {
  francecentral: 'Standard_GZRS'
  germanywestcentral: 'Standard_GZRS'
  northeurope: 'Standard_GZRS'
  swedencentral: 'Standard_GZRS'
  westeurope: 'Standard_GZRS'
}
var vaultSku = redundancy == 'zones' ? 'Standard_ZRS' : (skusWithPair[location])

// The chain outlives everything that it has to prove.
var chainKept = max(chainDays, max(retentionClasses), evidenceDays)

// A container keeps longer than its class promises: by the interval between fulls and a week.
var margin = 8
var vaultContainers = [for days in retentionClasses: {
  name: 'vault-${days}d'
  days: days + margin
}]
var evidenceContainer = 'evidence-${evidenceDays}d'
var containers = concat(vaultContainers, [
  {
    name: evidenceContainer
    days: evidenceDays + margin
  }
  {
    name: 'chain'
    days: chainKept + margin
  }
])

var requesters = empty(requestersGroupId) ? [] : [
  {
    id: requestersGroupId
    type: 'Group'
  }
]
var approvers = empty(approversGroupId) ? [] : [
  {
    id: approversGroupId
    type: 'Group'
  }
]
var readers = empty(readersGroupId) ? [] : [
  {
    id: readersGroupId
    type: 'Group'
  }
]
var keepers = empty(keepersGroupId) ? [] : [
  {
    id: keepersGroupId
    type: 'Group'
  }
]
var holders = empty(holdersGroupId) ? [] : [
  {
    id: holdersGroupId
    type: 'Group'
  }
]
var passwordReaders = empty(passwordsGroupId) ? [] : [
  {
    id: passwordsGroupId
    type: 'Group'
  }
]
var backupDeployers = empty(backupDeployersGroupId) ? [] : [
  {
    id: backupDeployersGroupId
    type: 'Group'
  }
]
var restoreDeployers = empty(restoreDeployersGroupId) ? [] : [
  {
    id: restoreDeployersGroupId
    type: 'Group'
  }
]
var armers = empty(armersGroupId) ? [] : [
  {
    id: armersGroupId
    type: 'Group'
  }
]

// Requests go to four queues; cancelling a plan goes to the same one as approving it.
var asked = [
  'backup-requests'
  'evidence-requests'
  'restore-requests'
  'restore-control'
]
var requesterSends = [for queue in asked: {
  queue: queue
  id: requestersGroupId
  type: 'Group'
}]
// Who arms asks the restore app itself what its token permits.
var armerSends = [for one in armers: {
  queue: 'restore-steps'
  id: one.id
  type: one.type
}]
var approverSends = [for one in approvers: {
  queue: 'restore-control'
  id: one.id
  type: one.type
}]

// --- groups of resources: who administers one needs no right on another -----------------------------------------

resource vaultGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-vault'
  location: location
}

resource stateGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-state'
  location: location
}

resource keysGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-keys'
  location: location
}

resource backupGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-backup'
  location: location
}

resource restoreGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-restore'
  location: location
}

resource watchGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-watch'
  location: location
}

resource networkGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-network'
  location: location
}

var groupNames = [
  '${name}-vault'
  '${name}-state'
  '${name}-keys'
  '${name}-backup'
  '${name}-restore'
  '${name}-watch'
  '${name}-network'
]

module residency 'modules/residency.bicep' = [for group in groupNames: {
  name: 'residency-${group}'
  scope: resourceGroup(group)
  params: {
    name: name
    regions: union([
      location
    ], [
      actionRegion
    ])
  }
  dependsOn: [
    vaultGroup
    stateGroup
    keysGroup
    backupGroup
    restoreGroup
    watchGroup
    networkGroup
  ]
}]

module roles 'modules/roles.bicep' = {
  name: '${name}-roles'
  params: {
    name: name
  }
}

// --- identities, watch, network ---------------------------------------------------------------------------------

module backupIdentity 'modules/identity.bicep' = {
  name: 'identity'
  scope: backupGroup
  params: {
    location: location
    identityName: '${name}-backup'
  }
}

module restoreIdentity 'modules/identity.bicep' = {
  name: 'identity'
  scope: restoreGroup
  params: {
    location: location
    identityName: '${name}-restore'
  }
}

module watch 'modules/watch.bicep' = {
  name: 'watch'
  scope: watchGroup
  params: {
    location: location
    name: name
    actionRegion: actionRegion
    alertEmails: alertEmails
    logDays: logDays
    senders: [
      backupIdentity.outputs.principalId
      restoreIdentity.outputs.principalId
    ]
    logReaders: [
      backupIdentity.outputs.principalId
    ]
    roleIds: roles.outputs.ids
  }
}

module access 'modules/access.bicep' = {
  name: '${name}-access'
  params: {
    backupId: backupIdentity.outputs.principalId
    roleIds: roles.outputs.ids
  }
}

module activity 'modules/activity-log.bicep' = {
  name: '${name}-activity'
  params: {
    name: name
    workspaceId: watch.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: watchGroup
  params: {
    location: location
    name: name
    workspaceId: watch.outputs.workspaceId
    actionGroupId: watch.outputs.actionGroupId
    vaultAccountName: vaultAccount.outputs.name
    signers: [
      backupIdentity.outputs.clientId
      restoreIdentity.outputs.clientId
    ]
    absences: [
      {
        key: 'no-snapshot'
        severity: 0
        description: 'No snapshot was committed in time. The backup may be dead: look at the app, its settings, its token.'
        event: 'snapshot.committed'
        hours: absenceHours
      }
      {
        key: 'no-status'
        severity: 1
        description: 'The backup app has not reported its daily status. It may be stopped, or its settings can\'t be read.'
        event: 'status.checked'
        hours: 26
      }
    ]
    // Every alarm of the two apps; a check compares the list with the code.
    alarms: [
      'evidence.not_met'
      'item.failed'
      'message.poisoned'
      'restore.override'
      'run.unprotected'
      'settings.unusable'
      'status.permissions'
      'status.token'
      'status.unprotected'
      'status.vault'
      'step.failed'
    ]
  }
}

module net 'modules/network.bicep' = {
  name: 'network'
  scope: networkGroup
  params: {
    location: location
    name: name
    addressRange: addressRange
    apps: [
      'backup'
      'restore'
    ]
    subnetRanges: subnetRanges
    storageService: 'Microsoft.Storage'
    private: private
  }
}

// In the order of the apps.
var backupSubnetId = net.outputs.appSubnetIds[0]
var restoreSubnetId = net.outputs.appSubnetIds[1]

// --- storage ----------------------------------------------------------------------------------------------------

module vaultAccount 'modules/storage-account.bicep' = {
  name: 'account'
  scope: vaultGroup
  params: {
    location: location
    accountName: '${short}v${suffix}'
    sku: vaultSku
    private: private
    subnetIds: concat([
      backupSubnetId
      restoreSubnetId
    ], copierSubnetIds)
    callerRanges: callerRanges
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: vaultGroup
  params: {
    accountName: vaultAccount.outputs.name
    containers: containers
    lockedContainers: lockedContainers
    evidenceContainer: evidenceContainer
    writerId: backupIdentity.outputs.principalId
    restoreId: restoreIdentity.outputs.principalId
    copierId: copierPrincipalId
    readers: readers
    keepers: keepers
    placers: keepers
    holding: true
    holders: holders
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
}

module backupStateAccount 'modules/storage-account.bicep' = {
  name: 'backup-account'
  scope: stateGroup
  params: {
    location: location
    accountName: '${short}b${suffix}'
    sku: 'Standard_ZRS'
    private: private
    subnetIds: [
      backupSubnetId
      restoreSubnetId
    ]
    callerRanges: callerRanges
  }
}

module backupState 'modules/state.bicep' = {
  name: 'backup-state'
  scope: stateGroup
  params: {
    accountName: backupStateAccount.outputs.name
    queues: [
      'backup-requests'
      'evidence-requests'
      'export'
      'seal'
      'restore-requests'
      'restore-control'
      'restore-verify'
    ]
    tables: [
      'holdfast'
    ]
    workerId: backupIdentity.outputs.principalId
    senders: concat(empty(requestersGroupId) ? [] : requesterSends, approverSends, [
      {
        queue: 'restore-verify'
        id: restoreIdentity.outputs.principalId
        type: 'ServicePrincipal'
      }
    ])
    tableReaders: concat(requesters, approvers)
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
}

module restoreStateAccount 'modules/storage-account.bicep' = {
  name: 'restore-account'
  scope: stateGroup
  params: {
    location: location
    accountName: '${short}r${suffix}'
    sku: 'Standard_ZRS'
    private: private
    subnetIds: [
      backupSubnetId
      restoreSubnetId
    ]
    callerRanges: callerRanges
  }
}

module restoreState 'modules/state.bicep' = {
  name: 'restore-state'
  scope: stateGroup
  params: {
    accountName: restoreStateAccount.outputs.name
    queues: [
      'restore-steps'
    ]
    tables: [
      'holdfast'
    ]
    workerId: restoreIdentity.outputs.principalId
    senders: concat([
      {
        queue: 'restore-steps'
        id: backupIdentity.outputs.principalId
        type: 'ServicePrincipal'
      }
    ], armerSends)
    tableReaders: requesters
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
}

// --- keys -------------------------------------------------------------------------------------------------------

module signing 'modules/key-vault.bicep' = {
  name: 'signing'
  scope: keysGroup
  params: {
    location: location
    vaultName: '${short}-k-${suffix}'
    tenantId: tenant().tenantId
    keys: [
      {
        name: 'snapshot'
        signer: backupIdentity.outputs.principalId
      }
      {
        name: 'plan'
        signer: backupIdentity.outputs.principalId
      }
      {
        name: 'evidence'
        signer: backupIdentity.outputs.principalId
      }
      {
        name: 'execution'
        signer: restoreIdentity.outputs.principalId
      }
    ]
    keyReaders: readers
    passwordWriters: []
    passwordReaders: []
    private: private
    subnetIds: [
      backupSubnetId
      restoreSubnetId
    ]
    callerRanges: callerRanges
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
}

module passwords 'modules/key-vault.bicep' = {
  name: 'passwords'
  scope: keysGroup
  params: {
    location: location
    vaultName: '${short}-p-${suffix}'
    tenantId: tenant().tenantId
    keys: []
    keyReaders: []
    passwordWriters: [
      restoreIdentity.outputs.principalId
    ]
    passwordReaders: passwordReaders
    private: private
    subnetIds: [
      restoreSubnetId
    ]
    callerRanges: callerRanges
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
}

// --- apps -------------------------------------------------------------------------------------------------------

var classTexts = [for days in retentionClasses: '${days}']
var common = {
  HOLDFAST_APPROVERS_SHA256: approversSha256
  HOLDFAST_BREAK_GLASS_IDS: join(breakGlassIds, ',')
  HOLDFAST_CHAIN_DAYS: '${chainKept}'
  HOLDFAST_EVIDENCE_DAYS: '${evidenceDays}'
  HOLDFAST_OVERRIDE_HOURS: '${overrideHours}'
  HOLDFAST_PUBLIC_KEYS: publicKeys
  HOLDFAST_REGION: location
  HOLDFAST_RETENTION_CLASSES: join(classTexts, ',')
  HOLDFAST_STATUS_SCHEDULE: statusSchedule
  HOLDFAST_TENANT_ID: tenantId
}

module backupHost 'modules/storage-account.bicep' = {
  name: 'host'
  scope: backupGroup
  params: {
    location: location
    accountName: '${short}h${suffix}'
    sku: 'Standard_ZRS'
    private: private
    subnetIds: [
      backupSubnetId
    ]
    callerRanges: []
  }
}

module backupApp 'modules/app.bicep' = {
  name: 'app'
  scope: backupGroup
  params: {
    location: location
    appName: '${name}-backup-${suffix}'
    service: 'backup'
    identityId: backupIdentity.outputs.id
    principalId: backupIdentity.outputs.principalId
    clientId: backupIdentity.outputs.clientId
    hostAccountName: backupHost.outputs.name
    settings: union(common, {
      HOLDFAST_BACKUP_SCHEDULE: backupSchedule
      HOLDFAST_CLIENT_ID: backupClientId
      HOLDFAST_EVIDENCE_SCHEDULE: evidenceSchedule
      HOLDFAST_IDENTITY_CLIENT_ID: backupIdentity.outputs.clientId
      HOLDFAST_KEY_VAULT_URL: signing.outputs.uri
      HOLDFAST_LOG_WORKSPACE_ID: watch.outputs.workspaceGuid
      HOLDFAST_OPT_IN: join(optIns, ',')
      HOLDFAST_RECOVERY_TARGETS: recoveryTargets
      HOLDFAST_RESTORE_CLIENT_ID: restoreClientId
      HOLDFAST_ROLE: 'backup'
      HOLDFAST_SWEEP_SCHEDULE: sweepSchedule
      HOLDFAST_VAULT_RESOURCE_ID: vaultAccount.outputs.id
      BackupState__clientId: backupIdentity.outputs.clientId
      BackupState__credential: 'managedidentity'
      BackupState__queueServiceUri: backupStateAccount.outputs.queueUri
      BackupState__tableServiceUri: backupStateAccount.outputs.tableUri
      RestoreState__clientId: backupIdentity.outputs.clientId
      RestoreState__credential: 'managedidentity'
      RestoreState__queueServiceUri: restoreStateAccount.outputs.queueUri
      VaultStorage__blobServiceUri: vaultAccount.outputs.blobUri
      VaultStorage__clientId: backupIdentity.outputs.clientId
      VaultStorage__credential: 'managedidentity'
    })
    telemetry: watch.outputs.telemetry
    running: true
    subnetId: backupSubnetId
    private: private
    callerRanges: callerRanges
    pythonVersion: pythonVersion
    deployers: backupDeployers
    switchers: []
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
  dependsOn: [
    backupState
    restoreState
    vault
  ]
}

module restoreHost 'modules/storage-account.bicep' = {
  name: 'host'
  scope: restoreGroup
  params: {
    location: location
    accountName: '${short}g${suffix}'
    sku: 'Standard_ZRS'
    private: private
    subnetIds: [
      restoreSubnetId
    ]
    callerRanges: []
  }
}

module restoreApp 'modules/app.bicep' = {
  name: 'app'
  scope: restoreGroup
  params: {
    location: location
    appName: '${name}-restore-${suffix}'
    service: 'restore'
    identityId: restoreIdentity.outputs.id
    principalId: restoreIdentity.outputs.principalId
    clientId: restoreIdentity.outputs.clientId
    hostAccountName: restoreHost.outputs.name
    settings: union(common, {
      HOLDFAST_CLIENT_ID: restoreClientId
      HOLDFAST_IDENTITY_CLIENT_ID: restoreIdentity.outputs.clientId
      HOLDFAST_KEY_VAULT_URL: signing.outputs.uri
      HOLDFAST_ROLE: 'restore'
      HOLDFAST_SECRETS_VAULT_URL: passwords.outputs.uri
      BackupState__clientId: restoreIdentity.outputs.clientId
      BackupState__credential: 'managedidentity'
      BackupState__queueServiceUri: backupStateAccount.outputs.queueUri
      RestoreState__clientId: restoreIdentity.outputs.clientId
      RestoreState__credential: 'managedidentity'
      RestoreState__queueServiceUri: restoreStateAccount.outputs.queueUri
      RestoreState__tableServiceUri: restoreStateAccount.outputs.tableUri
      VaultStorage__blobServiceUri: vaultAccount.outputs.blobUri
      VaultStorage__clientId: restoreIdentity.outputs.clientId
      VaultStorage__credential: 'managedidentity'
    })
    telemetry: watch.outputs.telemetry
    running: restoreArmed
    subnetId: restoreSubnetId
    private: private
    callerRanges: callerRanges
    pythonVersion: pythonVersion
    deployers: restoreDeployers
    switchers: armers
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
  dependsOn: [
    backupState
    restoreState
    vault
  ]
}

// --- private endpoints ------------------------------------------------------------------------------------------

module endpoints 'modules/endpoints.bicep' = if (private) {
  name: 'endpoints'
  scope: networkGroup
  params: {
    location: location
    subnetId: net.outputs.endpointSubnetId
    zoneIds: net.outputs.zoneIds
    foreign: []
    // Zones: 0 blob, 1 queue, 2 table, 3 key vault, 4 app.
    targets: [
      {
        name: '${name}-vault-blob'
        id: vaultAccount.outputs.id
        service: 'blob'
        zone: 0
      }
      {
        name: '${name}-backup-queue'
        id: backupStateAccount.outputs.id
        service: 'queue'
        zone: 1
      }
      {
        name: '${name}-backup-table'
        id: backupStateAccount.outputs.id
        service: 'table'
        zone: 2
      }
      {
        name: '${name}-restore-queue'
        id: restoreStateAccount.outputs.id
        service: 'queue'
        zone: 1
      }
      {
        name: '${name}-restore-table'
        id: restoreStateAccount.outputs.id
        service: 'table'
        zone: 2
      }
      {
        name: '${name}-backup-host-blob'
        id: backupHost.outputs.id
        service: 'blob'
        zone: 0
      }
      {
        name: '${name}-backup-host-table'
        id: backupHost.outputs.id
        service: 'table'
        zone: 2
      }
      {
        name: '${name}-restore-host-blob'
        id: restoreHost.outputs.id
        service: 'blob'
        zone: 0
      }
      {
        name: '${name}-restore-host-table'
        id: restoreHost.outputs.id
        service: 'table'
        zone: 2
      }
      {
        name: '${name}-signing-keys'
        id: signing.outputs.id
        service: 'vault'
        zone: 3
      }
      {
        name: '${name}-passwords'
        id: passwords.outputs.id
        service: 'vault'
        zone: 3
      }
      {
        name: '${name}-backup-app'
        id: backupApp.outputs.id
        service: 'sites'
        zone: 4
      }
      {
        name: '${name}-restore-app'
        id: restoreApp.outputs.id
        service: 'sites'
        zone: 4
      }
    ]
  }
}

// --- what the operator needs next -------------------------------------------------------------------------------

@description('For HOLDFAST_VAULT_RESOURCE_ID at the command line, and for holdfast vault lock.')
output vaultResourceId string = vaultAccount.outputs.id

@description('For VaultStorage__blobServiceUri at the command line.')
output vaultBlobUri string = vaultAccount.outputs.blobUri

@description('For BackupState__queueServiceUri at the command line.')
output backupQueueUri string = backupStateAccount.outputs.queueUri

@description('For BackupState__tableServiceUri at the command line.')
output backupTableUri string = backupStateAccount.outputs.tableUri

@description('For RestoreState__queueServiceUri at the command line of who arms.')
output restoreQueueUri string = restoreStateAccount.outputs.queueUri

@description('For HOLDFAST_RESTORE_APP_RESOURCE_ID at the command line of who arms.')
output restoreAppResourceId string = restoreApp.outputs.id

@description('For HOLDFAST_KEY_VAULT_URL at the command line.')
output keyVaultUri string = signing.outputs.uri

@description('Object id of the backup app\'s identity: subject of the federated credential of its registration.')
output backupPrincipalId string = backupIdentity.outputs.principalId

@description('Object id of the restore app\'s identity: subject of the federated credential of its registration.')
output restorePrincipalId string = restoreIdentity.outputs.principalId

@description('Containers to lock with holdfast vault lock, then to name in lockedContainers.')
output containersToLock array = [for one in containers: one.name]
