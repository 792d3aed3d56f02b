// One storage account, closed: no shared keys, no public blobs, no copies to other tenants, TLS 1.2, firewall on.

@description('Region; inside the EU.')
param location string

@description('Name of the account.')
param accountName string

@description('Redundancy.')
@allowed([
  'Standard_ZRS'
  'Standard_GZRS'
])
param sku string

@description('No public endpoint at all; private endpoints instead.')
param private bool

@description('Subnets whose traffic is let in.')
param subnetIds array

@description('Public address ranges whose traffic is let in (CIDR).')
param callerRanges array

var ipRules = [for range in callerRanges: {
  action: 'Allow'
  value: range
}]

var networkRules = [for id in subnetIds: {
  action: 'Allow'
  id: id
}]

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: accountName
  location: location
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    allowedCopyScope: 'AAD'
    defaultToOAuthAuthentication: true
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      services: {
        blob: {
          enabled: true
          keyType: 'Account'
        }
        file: {
          enabled: true
          keyType: 'Account'
        }
        queue: {
          enabled: true
          keyType: 'Account'
        }
        table: {
          enabled: true
          keyType: 'Account'
        }
      }
    }
    isHnsEnabled: false
    isLocalUserEnabled: false
    isNfsV3Enabled: false
    isSftpEnabled: false
    minimumTlsVersion: 'TLS1_2'
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: ipRules
      virtualNetworkRules: networkRules
    }
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    sasPolicy: {
      expirationAction: 'Block'
      sasExpirationPeriod: '00.01:00:00'
    }
    supportsHttpsTrafficOnly: true
  }
}

@description('Resource id.')
output id string = account.id

@description('Name.')
output name string = account.name

@description('Address of the blob service, with a slash at its end.')
output blobUri string = account.properties.primaryEndpoints.blob

@description('Address of the queue service, with a slash at its end.')
output queueUri string = account.properties.primaryEndpoints.queue

@description('Address of the table service, with a slash at its end.')
output tableUri string = account.properties.primaryEndpoints.table
