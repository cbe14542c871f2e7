"""The stack of docker-compose.yaml, built and run for real: `make compose-test`, see tests/compose/__main__.py."""
