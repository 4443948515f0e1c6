"""From a crop to a log-mel spectrogram."""
