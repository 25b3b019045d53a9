"""stillwatch: find, answer and prove industrial-scale adversarial distillation."""

__version__ = "0.1.0"
