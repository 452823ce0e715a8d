"""The documents people approve: drafts, versions, stages, and what is different for a client."""
