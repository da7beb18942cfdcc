"""The report as one HTML file: nothing is fetched, and nothing that a recording holds can run."""
