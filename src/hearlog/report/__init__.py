"""The report, the comparison of revisions and the model card as text."""
