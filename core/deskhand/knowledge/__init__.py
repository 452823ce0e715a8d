"""What the MSP already knows: its history, similar tickets, what labels mean, and how to read a message."""
