"""The business records both sides agree on, and money. Pure: no database, no HTTP, no Airflow."""
