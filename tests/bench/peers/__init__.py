"""What the bench compares with: other people's programs, fetched on demand into the user's cache, never into .venv."""
