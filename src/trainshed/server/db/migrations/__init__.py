"""Alembic's migrations; ``trainshed.server.db.schema`` applies them at start."""
