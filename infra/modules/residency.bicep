// Azure Policy: nothing is made in this group outside the regions named, whoever makes it.

@description('Prefix of names.')
param name string

@description('The regions.')
param regions array

// Built-in definition "Allowed locations".
resource residency 'Microsoft.Authorization/policyAssignments@2026-07-01' = {
  name: '${name}-regions'
  properties: {
    displayName: 'Holdfast: regions inside the EU'
    policyDefinitionId: tenantResourceId('Microsoft.Authorization/policyDefinitions', 'e56962a6-4747-49cd-b67b-bf8b01975c4c')
    enforcementMode: 'Default'
    parameters: {
      listOfAllowedLocations: {
        value: regions
      }
    }
    nonComplianceMessages: [
      {
        message: 'Holdfast stores and processes in the EU only; this region is not one of the deployment\'s.'
      }
    ]
  }
}
