"""Bringing tickets in: a poll that cannot lose or double one, callbacks that hasten it, and a clock."""
