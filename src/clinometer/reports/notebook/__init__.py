"""Results as HTML for notebooks: pure functions, no script, nothing fetched, every text escaped."""
