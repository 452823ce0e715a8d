"""From a technician's sentence to a plan, or to the reason why there is none. Nothing here calls a vendor to act."""
