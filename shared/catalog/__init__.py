"""What Holdfast knows of each object type, as frozen declarations. Engines read them and name no type."""
