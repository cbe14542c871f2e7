"""Great Expectations suites: what a planned record must fulfil before it is sent."""
