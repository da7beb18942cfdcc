"""What did happen: estimators on arrays, each with its error stated. No files, no clock, no torch."""
