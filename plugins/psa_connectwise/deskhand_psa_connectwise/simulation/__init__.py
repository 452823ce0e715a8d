"""The parts of ConnectWise PSA in miniature; :mod:`deskhand_psa_connectwise.simulator` puts them together."""
