"""Time, memory and disk of a run, estimated before it starts."""
