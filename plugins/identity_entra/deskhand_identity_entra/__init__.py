"""Connects deskhand to Microsoft Entra ID."""
