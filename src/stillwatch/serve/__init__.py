"""Serve: the decision endpoint and the reverse proxy, as bare ASGI functions, and what runs them."""
