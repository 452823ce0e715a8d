"""What every page stands in: its frame, its parts, and how a template becomes an answer."""
