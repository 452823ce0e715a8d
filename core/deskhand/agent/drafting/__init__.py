"""From what was done once to an automation a person can review, and what it would have done before. Nothing is run."""
