"""Share: what peers who compete may be told, and how it gets there; nothing leaves before a person has seen it."""
