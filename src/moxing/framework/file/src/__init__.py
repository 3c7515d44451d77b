"""Modules that scripts reach for by their old place."""
