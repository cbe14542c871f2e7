"""The receiver of QuickBooks' webhooks: a route of the page, and a process of its own."""
