"""The QuickBooks Online page: a small web application inside Airflow's api-server (docs/page.md)."""
