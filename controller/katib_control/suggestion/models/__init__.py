"""What algorithms learn with: models of a history, and where they look for the next point. Numbers only."""
