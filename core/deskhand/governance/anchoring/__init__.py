"""Anchors: copies of signed checkpoints where whoever owns this host cannot reach them."""
