"""The panel beside one ticket: what the desk thinks, what is asked of it, and how that goes."""
