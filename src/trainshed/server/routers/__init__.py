"""Thin HTTP routers: take a request apart, call a service, shape the answer."""
