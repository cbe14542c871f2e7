"""QuickBooks Online: OAuth, HTTP, faults, queries, batches, and the business records as its JSON."""
