"""What differs between entities: how each is read, observed, planned and written."""
