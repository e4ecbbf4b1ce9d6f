"""Who is trained, how far, and who goes on: rungs of budgets, generations of a population. Numbers only."""
