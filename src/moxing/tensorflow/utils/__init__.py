"""Where scripts import the flags from."""
