"""Connects deskhand to ConnectWise PSA."""
