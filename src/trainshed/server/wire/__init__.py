"""The shapes of the ModelArts v2 API, and pure functions between them and ``core``."""
