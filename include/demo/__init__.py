"""Realistic LMS data, and the demonstration run over it."""
