"""What can be rebuilt from the vendors: tickets, notes, people, companies, devices, and a full-text index."""
