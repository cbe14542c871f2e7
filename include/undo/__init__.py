"""Undo: what one run wrote is taken back."""
