"""A simulated Microsoft Entra tenant that speaks Graph over HTTP. It imports nothing of the product."""
