"""Signing in with Microsoft Entra ID: what its authority vouches for, and whom we admit on that."""
