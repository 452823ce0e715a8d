"""The configuration file: what it may say, how it is read, and how a mistake in it is explained."""
