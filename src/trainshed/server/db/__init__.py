"""The database: SQLite (WAL) embedded, PostgreSQL beyond one machine."""
