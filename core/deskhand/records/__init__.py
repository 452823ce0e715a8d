"""What we promise to keep: work, decisions, effects, and the log that vouches for them."""
