"""Who may come in: signing in and out, and the first set-up."""
