"""The methods that learn a labelled task, with and without the estimator."""
