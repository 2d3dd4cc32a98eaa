"""Turns what was compiled for the local environment into a running platform on this machine."""
