"""From QuickBooks to the LMS: what changed there, and the four steps that bring it here."""
