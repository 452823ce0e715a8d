"""The documents people approve: plans and automations, their versions, hashes and differences."""
