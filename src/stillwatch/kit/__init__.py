"""The workshop: algorithms that know nothing of the product, and touch no disk."""
