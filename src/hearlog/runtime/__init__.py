"""Where things run: device, threads, processes, checkpoints. No stage depends on it."""
