"""The tamper-evident audit log: hash chain, Merkle tree, signed checkpoints, and how to check them."""
