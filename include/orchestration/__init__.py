"""What the DAG files share: assets, schedules, retry policy, and the way from Airflow to the sync."""
