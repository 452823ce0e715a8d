"""deskhand: an agent beside the PSA that triages tickets, keeps its word and writes everything down."""
