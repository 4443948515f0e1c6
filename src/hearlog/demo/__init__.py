"""The embedded data set: a generated, synthetic world."""
