"""The live page: shows the recordings of a folder, and follows those that are still written."""
