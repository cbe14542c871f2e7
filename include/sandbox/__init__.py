"""A stand-in for Intuit's QuickBooks Online servers. Imports nothing of the project."""
