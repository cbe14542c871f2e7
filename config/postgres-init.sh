#!/bin/bash
# Run by the postgres image when its volume is empty: the two databases and the roles that own them.
set -euo pipefail
psql --username postgres --set ON_ERROR_STOP=1 \
    --set airflow_password="$(cat /run/secrets/airflow_database_password)" \
    --set pilot_password="$(cat /run/secrets/pilot_database_password)" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE pilot LOGIN CREATEROLE PASSWORD :'pilot_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE lms OWNER pilot;
SQL
