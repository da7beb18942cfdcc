"""Is a classifier's confidence earned? Two models compared, one model judged."""
