"""Remedies as edits of the user's script: each finds its place in the syntax tree, or says nothing.

An edit returns None wherever the place cannot be told without doubt; the user's file is never written.
"""
