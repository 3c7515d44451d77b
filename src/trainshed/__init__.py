"""trainshed: an open, self-hosted training service."""

__version__ = "0.1.0"
