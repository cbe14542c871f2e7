"""Carrying plans out: to QuickBooks (intents, batches, lost answers), and to the LMS (one transaction a record)."""
