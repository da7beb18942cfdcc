"""The treatment scorecard: are remedies proven where there is something to cure, and nowhere else?"""
