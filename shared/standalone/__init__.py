"""Programs that are handed out alone: they import nothing of Holdfast, so that a reader need not trust it."""
