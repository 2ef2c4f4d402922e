"""Fleets: many services from one folder of variables files, by the same steps as a single one."""
