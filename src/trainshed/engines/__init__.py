"""Engines: the catalogue, their environments, and the launchers that start scripts in them."""
