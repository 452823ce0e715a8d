"""Carries out what was decided, through one gate, at most once."""
