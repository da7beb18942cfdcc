"""Remedies that can be tried from outside on an unchanged script: one file each, found by their names.

A file says when a remedy applies, does it to a living run (`clinometer.treatment.patient`), and gives the
lines with which the user would do it.
"""
