"""From a sound file to a mono crop at one sample rate."""
