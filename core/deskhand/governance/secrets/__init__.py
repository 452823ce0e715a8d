"""Secrets that the desk keeps itself: sealed in one file, under a key that is kept elsewhere."""
