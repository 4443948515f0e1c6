"""Listening logs: reading, cleaning and counting them into a user x song matrix."""
