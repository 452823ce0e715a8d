"""Connects deskhand to Twilio."""
