"""A QuickBooks company and its billing labs: connecting, settings, accounts, checks, tokens, throttle, call log."""
