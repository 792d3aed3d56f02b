// One container of the vault with its retention, which is the container's: under version-level immutability (never on
// here) an uploader could weaken it blob by blob.

@description('Name of the storage account, which exists.')
param accountName string

@description('Name of the container.')
param containerName string

@description('For how many days from its creation a blob can\'t be changed or deleted.')
@minValue(1)
@maxValue(146000)
param days int

@description('Whether the policy is locked by now. A locked policy can\'t be deployed again, only lengthened (holdfast vault extend).')
param locked bool

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: accountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' existing = {
  parent: account
  name: 'default'
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: blobs
  name: containerName
  properties: {
    publicAccess: 'None'
  }
}

resource retention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2026-04-01' = if (!locked) {
  parent: container
  name: 'default'
  properties: {
    allowProtectedAppendWrites: false
    immutabilityPeriodSinceCreationInDays: days
  }
}
