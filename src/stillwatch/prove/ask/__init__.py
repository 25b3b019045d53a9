"""Asking a model behind an OpenAI-compatible endpoint: slowly, patiently, losing nothing."""
