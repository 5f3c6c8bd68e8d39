"""Durable jobs: their states, their database, and the supervisor that runs them in worker processes."""
