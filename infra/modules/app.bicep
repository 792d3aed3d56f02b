// One app: its plan, its host storage with the package in it, its settings, and who may put code into it.

@description('Region.')
param location string

@description('Name of the app.')
param appName string

@description('What azure.yaml calls it.')
param service string

@description('Resource id of the app\'s identity.')
param identityId string

@description('Object id of the app\'s identity.')
param principalId string

@description('Client id of the app\'s identity.')
param clientId string

@description('Name of the app\'s own host storage account, which exists. No other app uses it.')
param hostAccountName string

@description('Settings (HOLDFAST_…, storage connections).')
param settings object

@description('Connection string of Application Insights; an address, no secret, as local authentication is off there.')
param telemetry string

@description('Whether the app runs.')
param running bool

@description('Subnet that the app reaches everything from.')
param subnetId string

@description('No public endpoint at all; a private one instead.')
param private bool

@description('Public address ranges from which code may be deployed (CIDR).')
param callerRanges array

@description('Python version on Azure.')
param pythonVersion string

@description('Who may put code into this app: principal id, principal type.')
param deployers array

@description('Who may start and stop this app: principal id, principal type.')
param switchers array

@description('Ids of the roles (roles.bicep).')
param roleIds object

@description('Workspace that the app\'s log and every access to its package are logged to.')
param workspaceId string

// Built-in roles that the platform asks for on an app's own host storage.
var blobOwner = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b')
var tableContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3')

var codeSources = [for (range, index) in callerRanges: {
  action: 'Allow'
  ipAddress: range
  name: 'deploy-${index}'
  priority: 100 + index
}]

resource host 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: hostAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: host
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: {
      days: 14
      enabled: true
    }
    deleteRetentionPolicy: {
      days: 14
      enabled: true
    }
  }
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: blobs
  name: 'package'
  properties: {
    publicAccess: 'None'
  }
}

resource own 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, principalId, blobOwner)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobOwner
  }
}

resource diagnose 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, principalId, tableContributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: tableContributor
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: '${appName}-plan'
  location: location
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: false
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: appName
  location: location
  kind: 'functionapp,linux'
  tags: {
    'azd-service-name': service
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    enabled: running
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${host.properties.primaryEndpoints.blob}package'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
      }
    }
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      // Nothing listens: no function has an HTTP trigger.
      ipSecurityRestrictionsDefaultAction: 'Deny'
      minTlsVersion: '1.2'
      remoteDebuggingEnabled: false
      scmIpSecurityRestrictions: codeSources
      scmIpSecurityRestrictionsDefaultAction: 'Deny'
      scmIpSecurityRestrictionsUseMain: false
      scmMinTlsVersion: '1.2'
    }
  }
  dependsOn: [
    package
    own
  ]
}

resource appSettings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, {
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
    APPLICATIONINSIGHTS_CONNECTION_STRING: telemetry
    AzureWebJobsStorage__blobServiceUri: host.properties.primaryEndpoints.blob
    AzureWebJobsStorage__clientId: clientId
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__tableServiceUri: host.properties.primaryEndpoints.table
    PYTHON_ENABLE_OPENTELEMETRY: 'true'
  })
}

resource noPublishingPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource deploy 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in deployers: {
  scope: app
  name: guid(app.id, one.id, roleIds.codeDeploy)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.codeDeploy
  }
}]

resource switchOn 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in switchers: {
  scope: app
  name: guid(app.id, one.id, roleIds.appSwitch)
  properties: {
    principalId: one.id
    principalType: one.type
    roleDefinitionId: roleIds.appSwitch
  }
}]

resource appLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'holdfast'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
  }
}

resource packageLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'holdfast'
  properties: {
    workspaceId: workspaceId
    logs: [
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

@description('Resource id of the app.')
output id string = app.id
