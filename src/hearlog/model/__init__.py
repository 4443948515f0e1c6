"""The network, its losses and the folder of a trained model."""
