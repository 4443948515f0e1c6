"""Features of anyone's sounds by a trained model: from Python, the command line and scikit-learn."""
