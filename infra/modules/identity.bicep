// The identity of one app. The app registration of the protected tenant trusts it; it has no secret of its own.

@description('Region.')
param location string

@description('Name of the identity.')
param identityName string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: identityName
  location: location
}

@description('Resource id.')
output id string = identity.id

@description('Object id, for role assignments and for the subject of the federated credential.')
output principalId string = identity.properties.principalId

@description('Client id, for settings.')
output clientId string = identity.properties.clientId
