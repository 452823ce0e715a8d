"""What was carried out, step by step, and taking it back."""
