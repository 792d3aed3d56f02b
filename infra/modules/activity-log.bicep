// The subscription's activity log, kept where the vault's administrators don't rule.
targetScope = 'subscription'

@description('Prefix of names.')
param name string

@description('Workspace that it is logged to.')
param workspaceId string

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: '${name}-activity'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'Administrative'
        enabled: true
      }
      {
        category: 'Security'
        enabled: true
      }
      {
        category: 'Policy'
        enabled: true
      }
      {
        category: 'Alert'
        enabled: true
      }
    ]
  }
}
