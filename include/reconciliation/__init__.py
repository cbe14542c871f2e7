"""The ledger proof: do the LMS and QuickBooks say the same of every customer, to the cent, and if not, why."""
