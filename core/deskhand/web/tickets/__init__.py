"""The tickets that were handled, those held back, and each one's why."""
