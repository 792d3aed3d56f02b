// What watches: workspace, Application Insights, action group. It lives in a group of its own, best administered by
// others than the vault, because it is the trail of what they do.

@description('Region of the workspace; all telemetry stays there.')
param location string

@description('Prefix of names.')
param name string

@description('Region that processes notifications.')
@allowed([
  'germanywestcentral'
  'swedencentral'
])
param actionRegion string

@description('Addresses that alerts go to.')
param alertEmails array

@description('Days that logs can be queried.')
@minValue(90)
@maxValue(730)
param logDays int

@description('Object ids of the identities that send telemetry.')
param senders array

@description('Object ids of the apps that read the log of accesses to the vault, for the evidence.')
param logReaders array

@description('Ids of the roles (roles.bicep).')
param roleIds object

// Monitoring Metrics Publisher.
var publisher = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '3913510d-42f4-4e42-8a64-420c390055eb')

var receivers = [for (address, index) in alertEmails: {
  emailAddress: address
  name: 'email-${index}'
  useCommonAlertSchema: true
}]

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: false
      immediatePurgeDataOn30Days: false
    }
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
    retentionInDays: logDays
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableIpMasking: false
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: workspace.id
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for id in senders: {
  scope: insights
  name: guid(insights.id, id, publisher)
  properties: {
    principalId: id
    principalType: 'ServicePrincipal'
    roleDefinitionId: publisher
  }
}]

resource readLog 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for id in logReaders: {
  scope: workspace
  name: guid(workspace.id, id, roleIds.logRead)
  properties: {
    principalId: id
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.logRead
  }
}]

resource actions 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-alerts'
  location: actionRegion
  properties: {
    emailReceivers: receivers
    enabled: true
    groupShortName: take(name, 12)
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: workspace
  name: 'holdfast-logs'
  properties: {
    level: 'CanNotDelete'
    notes: 'The trail of what was done to the backups. Taking this lock off is alarmed.'
  }
}

resource queries 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workspace
  name: 'holdfast'
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        category: 'Audit'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspace.id

@description('The workspace as queries name it (a GUID).')
output workspaceGuid string = workspace.properties.customerId

@description('Resource id of the action group.')
output actionGroupId string = actions.id

@description('Connection string of Application Insights; without a right to send it opens nothing.')
output telemetry string = insights.properties.ConnectionString
