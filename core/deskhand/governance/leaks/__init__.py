"""Finds secrets where they have no place, however they are written there."""
