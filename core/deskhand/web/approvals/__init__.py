"""Deciding on a plan: one page, at the top level, with the plan's own text."""
