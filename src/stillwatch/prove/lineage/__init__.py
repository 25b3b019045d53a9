"""Was this model trained on our answers, and through which campaign? An exact test on its own text."""
