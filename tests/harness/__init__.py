"""Shared by every Python suite below tests/: see bundle.py (containers from bare bundles)."""
