// Private endpoints and their names in DNS.

@description('Region.')
param location string

@description('Subnet that they live in.')
param subnetId string

@description('DNS zones: blob, queue, table, key vault, app.')
param zoneIds array

@description('Where they lead: name, resource id, service of it, number of the service\'s zone.')
param targets array

@description('Likewise, to what others own: each is asked for, and leads there once its owner has approved it.')
param foreign array

var led = concat(targets, foreign)
var links = [for one in led: {
  name: one.service
  properties: {
    groupIds: [
      one.service
    ]
    privateLinkServiceId: one.id
  }
}]

resource endpoint 'Microsoft.Network/privateEndpoints@2025-09-01' = [for (one, index) in led: {
  name: one.name
  location: location
  properties: {
    subnet: {
      id: subnetId
    }
    manualPrivateLinkServiceConnections: index < length(targets) ? [] : array(links[index])
    privateLinkServiceConnections: index < length(targets) ? array(links[index]) : []
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = [for (one, index) in led: {
  parent: endpoint[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: one.service
        properties: {
          privateDnsZoneId: zoneIds[one.zone]
        }
      }
    ]
  }
}]
