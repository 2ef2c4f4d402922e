"""What those who edit template sets need beside lint: look, document, export and test."""
