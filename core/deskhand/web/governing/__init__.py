"""Looking after it: figures, record, switches and accounts."""
