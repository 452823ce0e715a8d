"""How many calls go to each vendor, and when they stop: budgets, circuit breakers and the kill switch at the wire."""
