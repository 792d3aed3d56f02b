// The network: one subnet per app, which storage and keys let in, and one for private endpoints with their DNS zones.

@description('Region.')
param location string

@description('Prefix of names.')
param name string

@description('Address range, not used by a network that this one is to be joined with.')
param addressRange string

@description('Ranges in it: backup app, restore app, private endpoints.')
param subnetRanges array

@description('Make DNS zones for private endpoints.')
param private bool

var zoneNames = [
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.queue.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
  'privatelink.vaultcore.azure.net'
  'privatelink.azurewebsites.net'
]
var zonesMade = private ? zoneNames : []
var flex = [
  {
    name: 'flex'
    properties: {
      serviceName: 'Microsoft.App/environments'
    }
  }
]
var services = [
  {
    service: 'Microsoft.Storage'
  }
  {
    service: 'Microsoft.KeyVault'
  }
]

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: '${name}-network'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressRange
      ]
    }
    subnets: [
      {
        name: 'backup'
        properties: {
          addressPrefix: subnetRanges[0]
          delegations: flex
          serviceEndpoints: services
        }
      }
      {
        name: 'restore'
        properties: {
          addressPrefix: subnetRanges[1]
          delegations: flex
          serviceEndpoints: services
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: subnetRanges[2]
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [for one in zonesMade: {
  name: one
  location: 'global'
}]

resource joined 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (one, index) in zonesMade: {
  parent: zone[index]
  name: '${name}-network'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

@description('Subnet of the backup app.')
output backupSubnetId string = '${network.id}/subnets/backup'

@description('Subnet of the restore app.')
output restoreSubnetId string = '${network.id}/subnets/restore'

@description('Subnet of private endpoints.')
output endpointSubnetId string = '${network.id}/subnets/endpoints'

@description('DNS zones: blob, queue, table, key vault, app; none where there are no private endpoints.')
output zoneIds array = [for (one, index) in zonesMade: zone[index].id]
