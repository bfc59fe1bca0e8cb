"""Audio to discrete codes and back."""
