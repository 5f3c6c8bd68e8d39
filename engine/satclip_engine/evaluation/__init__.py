"""Evaluation: metrics on arrays; numpy and scikit-learn only."""
