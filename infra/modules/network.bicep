// The network: one subnet per app, which storage and keys let in, and one for private endpoints with their DNS zones.

@description('Region.')
param location string

@description('Prefix of names.')
param name string

@description('Address range, not used by a network that this one is to be joined with.')
param addressRange string

@description('Names of the apps, which their subnets get.')
param apps array

@description('Ranges in it: one for each app, and one for private endpoints.')
param subnetRanges array

@description('Storage that the apps reach: Microsoft.Storage in their region, Microsoft.Storage.Global in every region.')
@allowed([
  'Microsoft.Storage'
  'Microsoft.Storage.Global'
])
param storageService string

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
    service: storageService
  }
  {
    service: 'Microsoft.KeyVault'
  }
]
var appSubnets = [for (app, index) in apps: {
  name: app
  properties: {
    addressPrefix: subnetRanges[index]
    delegations: flex
    serviceEndpoints: services
  }
}]

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: '${name}-network'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressRange
      ]
    }
    subnets: concat(appSubnets, [
      {
        name: 'endpoints'
        properties: {
          addressPrefix: subnetRanges[length(apps)]
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ])
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

@description('Subnets of the apps, in their order.')
output appSubnetIds array = [for app in apps: '${network.id}/subnets/${app}']

@description('Subnet of private endpoints.')
output endpointSubnetId string = '${network.id}/subnets/endpoints'

@description('DNS zones: blob, queue, table, key vault, app; none where there are no private endpoints.')
output zoneIds array = [for (one, index) in zonesMade: zone[index].id]
