"""Numbered migrations of the schemas lms and qbo_sync."""
