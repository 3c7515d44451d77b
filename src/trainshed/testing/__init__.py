"""Contract suites: whoever writes a store, a pool or a launcher passes one by giving one fixture."""
