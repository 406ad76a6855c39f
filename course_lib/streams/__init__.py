"""Decisions made by a batch job and by a stream, and a table replayed as a live feed."""
