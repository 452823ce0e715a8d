"""Decides what a ticket is and says so in words. It never acts: it cannot import what does."""
