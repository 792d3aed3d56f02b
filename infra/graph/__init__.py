"""What Holdfast may do in Microsoft Graph: the lists of permissions, and the registrations that hold them."""
