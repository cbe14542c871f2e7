"""The local stack without Docker: PostgreSQL, the sandbox and Airflow's components, up and down."""
