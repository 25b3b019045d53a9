"""A TAXII 2.1 conformance suite over HTTP that takes any server's address."""
