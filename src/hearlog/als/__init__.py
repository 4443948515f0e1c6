"""Alternating least squares: CF embeddings from the user x song matrix, and how good they are."""
