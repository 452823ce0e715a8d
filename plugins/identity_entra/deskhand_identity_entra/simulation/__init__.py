"""The parts of Entra ID in miniature; :mod:`deskhand_identity_entra.simulator` puts them together."""
