"""The rehearsal: an invented MSP on loopback, its clients and tickets, and a desk that works on them."""
