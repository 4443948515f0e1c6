"""The CF estimator: training, evaluation and ranking of songs."""
