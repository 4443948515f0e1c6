"""Linear probes of frozen layers."""
