"""The service: HTTP app, thin routers, services, database, authentication."""
