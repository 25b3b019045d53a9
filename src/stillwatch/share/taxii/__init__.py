"""TAXII 2.1: bulletins for peers who pull them, by a server of our own, and from any server by a client."""
