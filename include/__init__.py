"""Pilot–QBO Sync: everything the DAGs stand on."""
