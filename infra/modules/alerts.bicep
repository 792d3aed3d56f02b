// Alert rules. A dead app sends nothing, so absence is a rule here, not an event there. Notifications carry names of
// events, ids and counts, as the log does; no data of the tenant.

@description('Region of the workspace.')
param location string

@description('Prefix of names.')
param name string

@description('Workspace that the rules query.')
param workspaceId string

@description('Action group that is told.')
param actionGroupId string

@description('Name of the vault\'s storage account.')
param vaultAccountName string

@description('Client ids of the identities that may sign. Empty: there are no signing keys.')
param signers array

@description('Events that have to come: key and severity of the rule, description, event, hours without it, 47 at most.')
param absences array

@description('Every event that the code raises as an alarm (shared/telemetry.py).')
param alarms array

var everything = subscription().id

var absenceRules = [for one in absences: {
  key: one.key
  severity: one.severity
  description: one.description
  query: 'AppTraces | where TimeGenerated > ago(${one.hours}h) | where Message startswith "${one.event} " | summarize Found = count()'
  column: 'Found'
  operator: 'LessThan'
  threshold: 1
  every: 'PT1H'
  window: 'P2D'
  dimensions: []
}]

var findRules = [
  {
    key: 'alarm'
    severity: 1
    description: 'Holdfast raised an alarm: its name says which, and the log holds the reason.'
    query: 'AppTraces | extend Alarm = tostring(split(Message, " ")[0]) | where Alarm in (dynamic(${string(alarms)})) | summarize Found = count() by Alarm'
    column: 'Found'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT5M'
    window: 'PT15M'
    dimensions: [
      {
        name: 'Alarm'
        operator: 'Include'
        values: [
          '*'
        ]
      }
    ]
  }
  {
    key: 'vault-delete'
    severity: 0
    description: 'Somebody tried to delete or alter something in the vault. No identity of Holdfast ever does.'
    query: 'StorageBlobLogs | where AccountName == "${vaultAccountName}" | where OperationName in ("DeleteBlob", "DeleteContainer", "SetBlobMetadata", "SetBlobProperties", "SetBlobTier", "PutBlock", "PutBlockList", "AppendBlock", "CopyBlob", "SnapshotBlob") | summarize Found = count() by OperationName'
    column: 'Found'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT5M'
    window: 'PT15M'
    dimensions: []
  }
  {
    key: 'vault-refused'
    severity: 1
    description: 'Somebody was refused at the vault: an identity without the right, or a caller outside the firewall.'
    query: 'StorageBlobLogs | where AccountName == "${vaultAccountName}" | where StatusText startswith "Authorization" or StatusText == "AuthenticationFailed" | summarize Found = count() by StatusText'
    column: 'Found'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT5M'
    window: 'PT15M'
    dimensions: []
  }
  {
    key: 'code'
    severity: 1
    description: 'The package of an app was changed. If nobody deployed, somebody else\'s code runs with the app\'s rights.'
    query: 'StorageBlobLogs | where ObjectKey has "/package/" | where OperationName in ("PutBlob", "PutBlock", "PutBlockList", "CopyBlob", "DeleteBlob") | summarize Found = count() by AccountName'
    column: 'Found'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT5M'
    window: 'PT15M'
    dimensions: [
      {
        name: 'AccountName'
        operator: 'Include'
        values: [
          '*'
        ]
      }
    ]
  }
]

var signatureRules = empty(signers) ? [] : [
  {
    key: 'signature'
    severity: 0
    description: 'A signing key was used by an identity that is none of the apps.'
    query: 'AZKVAuditLogs | where OperationName == "KeySign" | extend Caller = tostring(parse_json(tostring(Identity)).claim.appid) | where Caller !in (dynamic(${string(signers)})) | summarize Found = count() by Caller'
    column: 'Found'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT5M'
    window: 'PT15M'
    dimensions: []
  }
]

var rules = concat(absenceRules, findRules, signatureRules)

// What is done to the deployment itself, from the activity log of the subscription.
var changes = [
  {
    key: 'vault'
    description: 'The vault\'s account, a retention policy, a legal hold or a lifecycle rule was changed.'
    operations: [
      'Microsoft.Storage/storageAccounts/write'
      'Microsoft.Storage/storageAccounts/delete'
      'Microsoft.Storage/storageAccounts/listKeys/action'
      'Microsoft.Storage/storageAccounts/listAccountSas/action'
      'Microsoft.Storage/storageAccounts/regenerateKey/action'
      'Microsoft.Storage/storageAccounts/managementPolicies/write'
      'Microsoft.Storage/storageAccounts/managementPolicies/delete'
      'Microsoft.Storage/storageAccounts/blobServices/write'
      'Microsoft.Storage/storageAccounts/blobServices/containers/delete'
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/write'
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/delete'
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/lock/action'
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/extend/action'
      'Microsoft.Storage/storageAccounts/blobServices/containers/setLegalHold/action'
      'Microsoft.Storage/storageAccounts/blobServices/containers/clearLegalHold/action'
    ]
  }
  {
    key: 'rights'
    description: 'A role, a role assignment, a lock or a policy was changed.'
    operations: [
      'Microsoft.Authorization/roleAssignments/write'
      'Microsoft.Authorization/roleAssignments/delete'
      'Microsoft.Authorization/roleDefinitions/write'
      'Microsoft.Authorization/roleDefinitions/delete'
      'Microsoft.Authorization/elevateAccess/action'
      'Microsoft.Authorization/locks/write'
      'Microsoft.Authorization/locks/delete'
      'Microsoft.Authorization/policyAssignments/write'
      'Microsoft.Authorization/policyAssignments/delete'
      'Microsoft.Authorization/policyExemptions/write'
    ]
  }
  {
    key: 'identities'
    description: 'An identity, or what may stand in for it (a federated credential), was changed.'
    operations: [
      'Microsoft.ManagedIdentity/userAssignedIdentities/write'
      'Microsoft.ManagedIdentity/userAssignedIdentities/delete'
      'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'
      'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write'
      'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete'
    ]
  }
  {
    key: 'apps'
    description: 'An app was changed, given code or settings, started or stopped. The restore app is off between restores.'
    operations: [
      'Microsoft.Web/sites/write'
      'Microsoft.Web/sites/delete'
      'Microsoft.Web/sites/config/write'
      'Microsoft.Web/sites/extensions/write'
      'Microsoft.Web/sites/start/action'
      'Microsoft.Web/sites/stop/action'
      'Microsoft.Web/sites/basicPublishingCredentialsPolicies/write'
      'Microsoft.Web/sites/hostruntime/host/action'
    ]
  }
  {
    key: 'keys'
    description: 'A key vault was changed, or a key of it through the management plane.'
    operations: [
      'Microsoft.KeyVault/vaults/write'
      'Microsoft.KeyVault/vaults/delete'
      'Microsoft.KeyVault/vaults/accessPolicies/write'
      'Microsoft.KeyVault/vaults/keys/write'
    ]
  }
  {
    key: 'watch'
    description: 'What watches was changed: a diagnostic setting, an alert rule, the action group, the workspace.'
    operations: [
      'Microsoft.Insights/diagnosticSettings/write'
      'Microsoft.Insights/diagnosticSettings/delete'
      'Microsoft.Insights/scheduledQueryRules/write'
      'Microsoft.Insights/scheduledQueryRules/delete'
      'Microsoft.Insights/activityLogAlerts/write'
      'Microsoft.Insights/activityLogAlerts/delete'
      'Microsoft.Insights/actionGroups/write'
      'Microsoft.Insights/actionGroups/delete'
      'Microsoft.OperationalInsights/workspaces/write'
      'Microsoft.OperationalInsights/workspaces/delete'
      'Microsoft.OperationalInsights/workspaces/purge/action'
    ]
  }
]

resource query 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [for one in rules: {
  name: '${name}-${one.key}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: '${name}: ${one.key}'
    description: one.description
    severity: one.severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: one.every
    windowSize: one.window
    overrideQueryTimeRange: one.window
    criteria: {
      allOf: [
        {
          query: one.query
          timeAggregation: 'Maximum'
          metricMeasureColumn: one.column
          operator: one.operator
          threshold: one.threshold
          dimensions: one.dimensions
          failingPeriods: {
            minFailingPeriodsToAlert: 1
            numberOfEvaluationPeriods: 1
          }
        }
      ]
    }
    // Absence is told once and again when it is over; everything else each time it is found.
    autoMitigate: one.operator == 'LessThan'
    // A table that no log has reached yet is unknown to the workspace; without this the first deployment fails.
    skipQueryValidation: true
    actions: {
      actionGroups: [
        actionGroupId
      ]
    }
  }
}]

resource change 'Microsoft.Insights/activityLogAlerts@2026-01-01' = [for one in changes: {
  name: '${name}-${one.key}-changed'
  location: 'global'
  properties: {
    description: one.description
    enabled: true
    scopes: [
      everything
    ]
    condition: {
      allOf: [
        {
          field: 'category'
          equals: 'Administrative'
        }
        {
          anyOf: [for operation in one.operations: {
            field: 'operationName'
            equals: operation
          }]
        }
      ]
    }
    actions: {
      actionGroups: [
        {
          actionGroupId: actionGroupId
        }
      ]
    }
  }
}]
