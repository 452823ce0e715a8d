"""Whose ticket it is: the one room that builds a TenantContext, or says what it could not tell apart."""
