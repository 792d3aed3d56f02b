// Holdfast's second copy: an account of its own and the app that fills it, in another region of the EU, best in another
// tenant's subscription. Nothing in the first deployment has a right here; the app may read there and add here.
//
// Deployed like main.bicep, by somebody who may assign roles. docs/deployment.md says what the first deployment is
// given afterwards: copierPrincipalId and copierSubnetIds.
targetScope = 'subscription'

// --- what has to be given ---------------------------------------------------------------------------------------

@description('Region of the copy; inside the EU, and another one than that of the first account.')
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

@description('Address of the first account\'s blobs (output vaultBlobUri of main.bicep).')
@minLength(1)
param vaultBlobUri string

@description('Public keys by purpose, as JSON (holdfast keys public --key snapshot). Only what they verify is copied.')
@minLength(1)
param publicKeys string

@description('E-mail addresses that alerts go to. Alerts carry ids, types and counts only.')
@minLength(1)
param alertEmails array

// --- what may be given ------------------------------------------------------------------------------------------

@description('Prefix of all names: 3 to 11 lower-case letters and digits; another one than the first deployment\'s.')
@minLength(3)
@maxLength(11)
param name string = 'holdcopy'

@description('Redundancy of the copy: zones of the region, or zones and the region\'s pair, which is in the EU, too.')
@allowed([
  'zones'
  'zonesAndPair'
])
param redundancy string = 'zones'

@description('Retention classes in days, the same as in the first deployment.')
@minLength(1)
param retentionClasses array = [
  35
]

@description('Days that plans, approvals, journals and reports are kept, the same as in the first deployment.')
@minValue(1)
@maxValue(146000)
param evidenceDays int = 400

@description('Days that the signed chain of snapshots is kept at least; always as long as the longest of what it has to prove.')
@minValue(1)
@maxValue(146000)
param chainDays int = 400

@description('Containers whose retention was locked with holdfast vault lock. Without them a redeployment is refused by the platform.')
param lockedContainers array = []

@description('Tenant of the first account\'s subscription (id), where the copy\'s is another one.')
param vaultTenantId string = ''

@description('Client id of the application that the copier reads the first account as, where that is in another tenant.')
param copierClientId string = ''

@description('When the copier looks for what it lacks: six-field cron, UTC.')
param copySchedule string = '0 15 * * * *'

@description('When the copier says how the copy stands: six-field cron, UTC.')
param statusSchedule string = '0 0 6 * * *'

@description('Hours without a finished look for new snapshots after which an alert fires.')
@minValue(2)
@maxValue(47)
param absenceHours int = 6

@description('public: public endpoints behind a firewall, Entra ID only. private: private endpoints, nothing public.')
@allowed([
  'private'
  'public'
])
param network string = 'public'

@description('Resource id of the first account (output vaultResourceId of main.bicep) where it has private endpoints only: one in this network leads there, once its owner approves.')
param vaultResourceId string = ''

@description('Public address ranges from which people and pipelines come (CIDR, no private ranges); nobody else is let in.')
param callerRanges array = []

@description('Address range of the network.')
param addressRange string = '10.72.0.0/24'

@description('Two ranges in it, at least a /27 each: copier, private endpoints.')
@minLength(2)
@maxLength(2)
param subnetRanges array = [
  '10.72.0.0/27'
  '10.72.0.32/27'
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

// --- groups of people, by object id; nobody has a right whose group is not given --------------------------------

@description('Group that may read the copy and its protection: whoever restores from it or verifies it.')
param readersGroupId string = ''

@description('Group that may lock and lengthen retention.')
param keepersGroupId string = ''

@description('Group that may put code into the copier.')
param copyDeployersGroupId string = ''

// --- names and checks -------------------------------------------------------------------------------------------

var suffix = uniqueString(subscription().id, name)
var short = take(name, 8)
var private = network == 'private'
var firstIsPrivate = !empty(vaultResourceId)

// Regions with a pair, which is in the EU for every one of them. Asking for a pair elsewhere is refused: no such name.
var skusWithPair = {
  francecentral: 'Standard_GZRS'
  germanywestcentral: 'Standard_GZRS'
  northeurope: 'Standard_GZRS'
  swedencentral: 'Standard_GZRS'
  westeurope: 'Standard_GZRS'
}
var copySku = redundancy == 'zones' ? 'Standard_ZRS' : (skusWithPair[location])

// The same containers as the first account's, and as long.
var chainKept = max(chainDays, max(retentionClasses), evidenceDays)
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
var copyDeployers = empty(copyDeployersGroupId) ? [] : [
  {
    id: copyDeployersGroupId
    type: 'Group'
  }
]

// --- groups of resources: who administers one needs no right on another -----------------------------------------

resource vaultGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-vault'
  location: location
}

resource copyGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${name}-copy'
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
  '${name}-copy'
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
    copyGroup
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

// --- identity, watch, network -----------------------------------------------------------------------------------

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: copyGroup
  params: {
    location: location
    identityName: '${name}-copy'
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
      identity.outputs.principalId
    ]
    logReaders: []
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
    vaultAccountName: copyAccount.outputs.name
    signers: []
    absences: [
      {
        key: 'no-copy'
        severity: 0
        description: 'The copier has not looked for new snapshots in time. It may be dead: look at the app and its settings.'
        event: 'copy.pulled'
        hours: absenceHours
      }
      {
        key: 'no-status'
        severity: 1
        description: 'The copier has not reported its daily status. It may be stopped, or the copy can\'t be read.'
        event: 'copy.checked'
        hours: 26
      }
    ]
    // Every alarm of the copier; a check compares the list with the code.
    alarms: [
      'copy.away'
      'copy.chain'
      'copy.evidence'
      'copy.lag'
      'copy.refused'
      'copy.unprotected'
      'copy.vault'
      'settings.unusable'
    ]
  }
}

// The first account is in another region: its firewall knows a subnet there by the endpoint for all regions only.
module net 'modules/network.bicep' = {
  name: 'network'
  scope: networkGroup
  params: {
    location: location
    name: name
    addressRange: addressRange
    apps: [
      'copy'
    ]
    subnetRanges: subnetRanges
    storageService: 'Microsoft.Storage.Global'
    private: private || firstIsPrivate
  }
}

var copierSubnet = net.outputs.appSubnetIds[0]

// --- storage ----------------------------------------------------------------------------------------------------

module copyAccount 'modules/storage-account.bicep' = {
  name: 'account'
  scope: vaultGroup
  params: {
    location: location
    accountName: '${short}v${suffix}'
    sku: copySku
    private: private
    subnetIds: [
      copierSubnet
    ]
    callerRanges: callerRanges
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: vaultGroup
  params: {
    accountName: copyAccount.outputs.name
    containers: containers
    lockedContainers: lockedContainers
    evidenceContainer: evidenceContainer
    writerId: identity.outputs.principalId
    restoreId: ''
    copierId: ''
    readers: readers
    keepers: keepers
    placers: []
    holding: false
    holders: []
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
}

// --- the copier -------------------------------------------------------------------------------------------------

module host 'modules/storage-account.bicep' = {
  name: 'host'
  scope: copyGroup
  params: {
    location: location
    accountName: '${short}c${suffix}'
    sku: 'Standard_ZRS'
    private: private
    subnetIds: [
      copierSubnet
    ]
    callerRanges: []
  }
}

var classTexts = [for days in retentionClasses: '${days}']

module copier 'modules/app.bicep' = {
  name: 'app'
  scope: copyGroup
  params: {
    location: location
    appName: '${name}-copy-${suffix}'
    service: 'copy'
    identityId: identity.outputs.id
    principalId: identity.outputs.principalId
    clientId: identity.outputs.clientId
    hostAccountName: host.outputs.name
    settings: {
      HOLDFAST_CHAIN_DAYS: '${chainKept}'
      HOLDFAST_CLIENT_ID: copierClientId
      HOLDFAST_COPY_REGION: location
      HOLDFAST_COPY_RESOURCE_ID: copyAccount.outputs.id
      HOLDFAST_COPY_SCHEDULE: copySchedule
      HOLDFAST_EVIDENCE_DAYS: '${evidenceDays}'
      HOLDFAST_IDENTITY_CLIENT_ID: identity.outputs.clientId
      HOLDFAST_PUBLIC_KEYS: publicKeys
      HOLDFAST_RETENTION_CLASSES: join(classTexts, ',')
      HOLDFAST_ROLE: 'copy'
      HOLDFAST_STATUS_SCHEDULE: statusSchedule
      HOLDFAST_TENANT_ID: tenantId
      HOLDFAST_VAULT_TENANT_ID: vaultTenantId
      CopyStorage__blobServiceUri: copyAccount.outputs.blobUri
      CopyStorage__clientId: identity.outputs.clientId
      CopyStorage__credential: 'managedidentity'
      VaultStorage__blobServiceUri: vaultBlobUri
      VaultStorage__clientId: identity.outputs.clientId
      VaultStorage__credential: 'managedidentity'
    }
    telemetry: watch.outputs.telemetry
    running: true
    subnetId: copierSubnet
    private: private
    callerRanges: callerRanges
    pythonVersion: pythonVersion
    deployers: copyDeployers
    switchers: []
    roleIds: roles.outputs.ids
    workspaceId: watch.outputs.workspaceId
  }
  dependsOn: [
    vault
  ]
}

// --- private endpoints ------------------------------------------------------------------------------------------

// Zones: 0 blob, 2 table, 4 app (network.bicep).
var firstAccount = firstIsPrivate ? [
  {
    name: '${name}-first-blob'
    id: vaultResourceId
    service: 'blob'
    zone: 0
  }
] : []

module endpoints 'modules/endpoints.bicep' = if (private || firstIsPrivate) {
  name: 'endpoints'
  scope: networkGroup
  params: {
    location: location
    subnetId: net.outputs.endpointSubnetId
    zoneIds: net.outputs.zoneIds
    targets: private ? [
      {
        name: '${name}-vault-blob'
        id: copyAccount.outputs.id
        service: 'blob'
        zone: 0
      }
      {
        name: '${name}-host-blob'
        id: host.outputs.id
        service: 'blob'
        zone: 0
      }
      {
        name: '${name}-host-table'
        id: host.outputs.id
        service: 'table'
        zone: 2
      }
      {
        name: '${name}-app'
        id: copier.outputs.id
        service: 'sites'
        zone: 4
      }
    ] : []
    foreign: firstAccount
  }
}

// --- what the operator needs next -------------------------------------------------------------------------------

@description('For HOLDFAST_COPY_RESOURCE_ID at the command line, and for holdfast vault lock.')
output copyResourceId string = copyAccount.outputs.id

@description('For CopyStorage__blobServiceUri at the command line.')
output copyBlobUri string = copyAccount.outputs.blobUri

@description('Object id of the copier\'s identity: copierPrincipalId of main.bicep in the same tenant, else subject of the federated credential of its registration.')
output copierPrincipalId string = identity.outputs.principalId

@description('Subnet of the copier, for copierSubnetIds of main.bicep.')
output copierSubnetId string = copierSubnet

@description('Containers to lock with holdfast vault lock, then to name in lockedContainers.')
output containersToLock array = [for one in containers: one.name]
